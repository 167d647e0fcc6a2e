package gate

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// settings are what every traffic interface has, whether or not the gate is open: it forwards, and answers and asks
// only for addresses that it has itself, which keeps the virtual address of one network from being claimed on another.
var settings = rtnetlink.Devconf{Forwarding: true, ARPIgnore: 1, ARPAnnounce: 2}

// host is the interfaces and addresses of the unit, as far as they matter to the gate.
type host struct {
	options Options
	barrier barrier

	// mu is held while something is looked at and changed.
	mu sync.Mutex
	// indices are the interfaces that the gate was put on, in the order of the options.
	indices []int
	own     []netip.Addr
}

// install puts the gate on all interfaces, and only then lets them forward.
func (h *host) install() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.refreshOwn(); err != nil {
		return err
	}
	found, err := links(h.options)
	if err != nil {
		return err
	}
	return h.installOn(found)
}

func (h *host) installOn(links []rtnetlink.Link) error {
	if err := h.barrier.install(links); err != nil {
		return err
	}
	h.indices = nil
	var errs []error
	for _, l := range links {
		h.indices = append(h.indices, l.Index)
		if l.IPv4 != settings {
			errs = append(errs, h.options.Kernel.SetDevconf(l.Index, settings))
		}
	}
	return errors.Join(errs...)
}

// putRight makes everything as install has left it, and tells what was not.
func (h *host) putRight() (wrong, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.refreshOwn(); err != nil {
		return nil, err
	}
	found, err := links(h.options)
	if err != nil {
		return nil, err
	}
	if wrong = h.wrong(found); wrong == nil {
		return nil, nil
	}
	return wrong, h.installOn(found)
}

// verify fails when something is not as install has left it.
func (h *host) verify() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	found, err := links(h.options)
	if err != nil {
		return err
	}
	return h.wrong(found)
}

func (h *host) wrong(links []rtnetlink.Link) error {
	for n, l := range links {
		if n >= len(h.indices) || l.Index != h.indices[n] {
			return fmt.Errorf("interface %s is another than the one that the gate was put on", l.Name)
		}
		if l.IPv4 != settings {
			return fmt.Errorf("interface %s does not forward, or answers for addresses of others", l.Name)
		}
	}
	return h.barrier.installed(links)
}

// links are the interfaces in the order of the options.
func links(o Options) ([]rtnetlink.Link, error) {
	found := make([]rtnetlink.Link, 0, len(o.Interfaces))
	var errs []error
	for _, name := range o.Interfaces {
		l, err := o.Kernel.Link(name)
		if err == nil && l.MAC == (rtnetlink.MAC{}) {
			err = fmt.Errorf("interface %s has no MAC address: the gate judges Ethernet frames", name)
		}
		found, errs = append(found, l), append(errs, err)
	}
	return found, errors.Join(errs...)
}

// refreshOwn tells the barrier of the addresses that the unit has now, where they are others than before.
func (h *host) refreshOwn() error {
	all, err := h.options.Kernel.AllAddresses()
	if err != nil {
		return err
	}
	own := ownAddresses(all, h.options.Virtual)
	if slices.Equal(own, h.own) {
		return nil
	}
	if err := h.barrier.setOwn(own); err != nil {
		return err
	}
	h.own = own
	return nil
}

// ownAddresses are those by which the unit itself is reached from a segment, in order: not the ones that it shares, and
// not those of the loopback, which no segment has anything to say to.
func ownAddresses(all []netip.Prefix, virtual []netip.Addr) []netip.Addr {
	own := make([]netip.Addr, 0, len(all))
	for _, p := range all {
		a := p.Addr().Unmap()
		if a.IsLoopback() || slices.ContainsFunc(virtual, func(v netip.Addr) bool { return v.Unmap().WithZone("") == a }) {
			continue
		}
		own = append(own, a)
	}
	slices.SortFunc(own, netip.Addr.Compare)
	return slices.Compact(own)
}
