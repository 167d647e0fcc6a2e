package gate

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// settings are set on every traffic interface, whether the gate is open or not. It forwards. It answers and asks only
// for addresses of its own, so that the virtual address of one network is not claimed on another. What a neighbour says
// about routes is ignored.
var settings = rtnetlink.Devconf{Forwarding: true, ARPIgnore: 1, ARPAnnounce: 2, SourceMark: 1}

// looseFilter is a reverse path filter that accepts a source that is routed by another interface.
const looseFilter = 2

// resolution is how the interfaces ask for neighbours. A new active knows none of them. At the kernel's default
// interval of a second, one lost request would cost more than the whole takeover.
var resolution = rtnetlink.Resolution{Interval: 100 * time.Millisecond, Requests: 10}

// settingsUnder returns the settings for a reverse path filter of all interfaces, which a pod inherits from its node.
// The firewall's own rules against spoofing know zones, so the filter is off. Where a node makes it strict for all
// interfaces, the kernel takes the maximum, and so loose is the closest to off.
//
// Where the sources are checked, the kernel accepts those of the unit itself. Otherwise it looks each of them up,
// because there are routing rules. That costs more than everything else that the data plane adds to a packet.
func settingsUnder(filter uint32, sourcesChecked bool) rtnetlink.Devconf {
	wanted := settings
	if sourcesChecked {
		wanted.AcceptLocal = 1
	}
	if filter != 0 {
		wanted.ReversePathFilter = looseFilter
	}
	return wanted
}

// host is the part of the unit that matters to the gate: its interfaces and addresses.
type host struct {
	options Options
	barrier barrier

	// mu is held while something is inspected and changed.
	mu sync.Mutex
	// indices are the interfaces that the gate was put on, in the order of the options.
	indices []int
	// settings are what they must have.
	settings rtnetlink.Devconf
	// unresolved is why the resolution of neighbours could not be set; empty if it could.
	unresolved string
	// own and control are the addresses that the barrier has, once known is set.
	own, control []netip.Addr
	known        bool
}

// install puts the gate on all interfaces, and only then lets them forward.
func (h *host) install() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	found, err := links(h.options)
	if err != nil {
		return err
	}
	if err := h.refreshAddresses(found); err != nil {
		return err
	}
	return h.installOn(found)
}

// installOn puts the gate on the interfaces.
func (h *host) installOn(links []rtnetlink.Link) error {
	if err := h.barrier.install(links); err != nil {
		return err
	}
	if err := h.refreshSettings(); err != nil {
		return err
	}
	h.indices = nil
	var errs []error
	for _, l := range links {
		h.indices = append(h.indices, l.Index)
		if l.IPv4 != h.settings {
			errs = append(errs, h.options.Kernel.SetDevconf(l.Index, h.settings))
		}
	}
	h.setResolution(links)
	return errors.Join(errs...)
}

// refreshSettings finds out which settings the interfaces must have now. A node may change its own.
func (h *host) refreshSettings() error {
	filter, err := h.options.Kernel.ReversePathFilter()
	if err != nil {
		return err
	}
	h.settings = settingsUnder(filter, h.options.SourcesChecked)
	return nil
}

// setResolution sets how the interfaces ask for neighbours. What cannot be set is logged when it changes.
func (h *host) setResolution(links []rtnetlink.Link) {
	var errs []error
	for _, l := range links {
		if err := h.options.Kernel.SetResolution(l.Index, resolution); err != nil {
			errs = append(errs, fmt.Errorf("interface %s: %w", l.Name, err))
		}
	}
	text := ""
	if err := errors.Join(errs...); err != nil {
		text = err.Error()
		if text != h.unresolved {
			h.options.Log.Error(err, "Resolving neighbours in the kernel's own time, so a takeover may take longer")
		}
	}
	h.unresolved = text
}

// repeat sets again what the kernel reports no change of.
func (h *host) repeat() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if found, err := links(h.options); err == nil {
		h.setResolution(found)
	}
}

// repair restores what install has set. It returns what was wrong.
func (h *host) repair() (wrong, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	found, err := links(h.options)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(h.refreshAddresses(found), h.refreshSettings()); err != nil {
		return nil, err
	}
	if wrong = h.wrong(found); wrong == nil {
		return nil, nil
	}
	return wrong, h.installOn(found)
}

// verify returns an error when something is not as install has set it.
func (h *host) verify() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	found, err := links(h.options)
	if err != nil {
		return err
	}
	return h.wrong(found)
}

// wrong returns the first difference from what install has set.
func (h *host) wrong(links []rtnetlink.Link) error {
	for n, l := range links {
		if n >= len(h.indices) || l.Index != h.indices[n] {
			return fmt.Errorf("interface %s was replaced since the gate was put on it", l.Name)
		}
		if l.IPv4 != h.settings {
			return fmt.Errorf("interface %s has IPv4 settings %+v instead of %+v", l.Name, l.IPv4, h.settings)
		}
	}
	return h.barrier.installed(links)
}

// links returns the interfaces in the order of the options.
func links(o Options) ([]rtnetlink.Link, error) {
	found := make([]rtnetlink.Link, 0, len(o.Interfaces))
	var errs []error
	for _, name := range o.Interfaces {
		l, err := o.Kernel.Link(name)
		if err == nil && l.MAC == (rtnetlink.MAC{}) {
			err = fmt.Errorf("interface %s has no MAC address: the gate needs Ethernet", name)
		}
		found, errs = append(found, l), append(errs, err)
	}
	return found, errors.Join(errs...)
}

// refreshAddresses passes the addresses that the unit has now to the barrier, if they changed.
func (h *host) refreshAddresses(links []rtnetlink.Link) error {
	all, err := h.options.Kernel.AddressTable()
	if err != nil {
		return err
	}
	own, control := ownAddresses(all, links, h.options.Virtual), controlAddresses(all, links)
	if slices.Equal(own, h.own) && slices.Equal(control, h.control) && h.known {
		return nil
	}
	if err := h.barrier.setAddresses(own, control); err != nil {
		return err
	}
	h.own, h.control, h.known = own, control, true
	return nil
}

// ownAddresses returns the addresses, in order, at which the unit itself is reached from a segment. These are all of
// the traffic interfaces but the shared ones.
func ownAddresses(all []rtnetlink.Address, links []rtnetlink.Link, virtual []netip.Addr) []netip.Addr {
	return selectAddresses(all, func(a netip.Addr, index int) bool {
		return isAmong(links, index) &&
			!slices.ContainsFunc(virtual, func(v netip.Addr) bool { return v.Unmap().WithZone("") == a })
	})
}

// controlAddresses returns the addresses, in order, that the unit has on other interfaces. A link-local IPv6 address is
// not one of them: it means another station on each segment.
func controlAddresses(all []rtnetlink.Address, links []rtnetlink.Link) []netip.Addr {
	return selectAddresses(all, func(a netip.Addr, index int) bool {
		return !isAmong(links, index) && !a.IsLoopback() && (a.Is4() || !a.IsLinkLocalUnicast())
	})
}

func isAmong(links []rtnetlink.Link, index int) bool {
	return slices.ContainsFunc(links, func(l rtnetlink.Link) bool { return l.Index == index })
}

func selectAddresses(all []rtnetlink.Address, wanted func(a netip.Addr, index int) bool) []netip.Addr {
	chosen := make([]netip.Addr, 0, len(all))
	for _, entry := range all {
		if a := entry.Prefix.Addr().Unmap(); wanted(a, entry.Index) {
			chosen = append(chosen, a)
		}
	}
	slices.SortFunc(chosen, netip.Addr.Compare)
	return slices.Compact(chosen)
}
