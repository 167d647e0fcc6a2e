package addresses

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// Network is an interface with the virtual addresses that belong on it while the unit is active.
type Network struct {
	Interface string
	Addresses []netip.Prefix
	// VirtualMAC is the MAC address that the interface has while it has the virtual addresses. The interface keeps its own
	// when this is zero.
	VirtualMAC rtnetlink.MAC
}

// Config is the whole state of the virtual addresses.
type Config struct {
	// Attached has every virtual address on its interface; otherwise none is.
	Attached bool
}

// Kernel is where addresses are set.
type Kernel interface {
	Link(name string) (rtnetlink.Link, error)
	Addresses(index int) ([]netip.Prefix, error)
	SetAddresses(index int, managed, wanted []netip.Prefix) error
	AddAddresses(index int, wanted []netip.Prefix) error
	SetMAC(index int, mac rtnetlink.MAC) error
}

// Wire sends and receives Ethernet frames.
type Wire interface {
	// Send sends the frames on the interface, in their order.
	Send(link rtnetlink.Link, frames [][]byte) error
	// Tap begins to receive the frames in which other stations claim one of the addresses.
	Tap(link rtnetlink.Link, addresses []netip.Addr) (Tap, error)
}

// Options are the virtual addresses of one unit, and what they are set with.
type Options struct {
	Networks []Network
	Kernel   Kernel
	Wire     Wire
	// Permitted is asked before each round of announcements, so that a process that stood still while its permit ran out
	// does not claim what another unit has by then. Announcements are always permitted when it is nil.
	Permitted func() bool
	// Memory is a directory that outlives the process, and not the pod: what MAC address an interface had before its
	// virtual one is kept there. Nothing is kept when it is empty.
	Memory string
	// Identity is what an interface's own MAC address is made of where it is known no more: the pod's UID.
	Identity string
	Log      logr.Logger
}

// Addresses are the virtual addresses of one unit. Addresses of other origin on the same interfaces are left alone.
type Addresses struct {
	Options
	memory memory

	mu sync.Mutex
	// links are the interfaces as Set has left them, so that attaching has nothing to look up.
	links map[string]rtnetlink.Link
	// spell is the time from attaching to the withdrawal; nil when the addresses are not attached.
	spell chan struct{}
	// attaching tells Watch that a spell has begun.
	attaching chan struct{}
	// stopAnnouncing ends the announcements that are being repeated and waits for their goroutine.
	stopAnnouncing func()
}

// New makes the virtual addresses. Nothing is touched before the first Set.
func New(o Options) *Addresses {
	if o.Permitted == nil {
		o.Permitted = func() bool { return true }
	}
	return &Addresses{
		Options: o, memory: memory{directory: o.Memory}, links: map[string]rtnetlink.Link{},
		attaching: make(chan struct{}, 1), stopAnnouncing: func() {},
	}
}

// Set attaches all virtual addresses or withdraws all. It goes on past an error, so that one interface that is gone
// does not keep the addresses on the others.
func (a *Addresses) Set(_ context.Context, c Config) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.Attached {
		return a.attachAll()
	}
	return a.withdrawAll()
}

// attachAll gives each interface its virtual MAC first and the addresses then: a neighbour that asks in between would
// learn the wrong one.
func (a *Addresses) attachAll() error {
	begins := a.spell == nil
	if begins {
		a.stopAnnouncing() // of the unit's own addresses, by its own MAC
	} else {
		clear(a.links) // It is a repair, so nothing that is remembered is believed.
	}
	var errs []error
	for _, n := range a.Networks {
		if err := a.attach(n); err != nil {
			errs = append(errs, fmt.Errorf("attaching virtual addresses of %s: %w", n.Interface, err))
		}
	}
	if begins {
		a.spell = make(chan struct{})
		select {
		case a.attaching <- struct{}{}:
		default: // Watch has not looked since the last time, and will see this spell.
		}
	}
	return errors.Join(errs...)
}

// attach tries with what is remembered of the interface, and if that fails, with what is there: an interface may have
// been replaced under its name.
func (a *Addresses) attach(n Network) error {
	if link, known := a.links[n.Interface]; known {
		if a.attachTo(link, n) == nil {
			return nil
		}
		delete(a.links, n.Interface)
	}
	link, err := a.Kernel.Link(n.Interface)
	if err != nil {
		return err
	}
	return a.attachTo(link, n)
}

// attachTo attaches the addresses even where the virtual MAC is refused. What to do about that is for the caller to
// say; neighbours can be told of the other MAC.
func (a *Addresses) attachTo(link rtnetlink.Link, n Network) error {
	var mac error
	if n.VirtualMAC != (rtnetlink.MAC{}) && link.MAC != n.VirtualMAC {
		a.keep(a.own(link, n), n)
		if mac = a.Kernel.SetMAC(link.Index, n.VirtualMAC); mac == nil {
			link.MAC = n.VirtualMAC
		}
	}
	err := errors.Join(mac, a.Kernel.AddAddresses(link.Index, n.Addresses))
	if err == nil {
		a.links[n.Interface] = link
	}
	return err
}

// withdrawAll ends the announcements first: a neighbour that is told of an address after it has moved on would send its
// traffic into nothing. Where an interface gets its own MAC back, its neighbours are told.
func (a *Addresses) withdrawAll() error {
	a.stopAnnouncing()
	if a.spell != nil {
		close(a.spell)
		a.spell = nil
	}
	clear(a.links)
	var errs []error
	var restored []Network
	for _, n := range a.Networks {
		had, err := a.withdraw(n)
		if err != nil {
			errs = append(errs, fmt.Errorf("withdrawing virtual addresses of %s: %w", n.Interface, err))
		}
		if had {
			restored = append(restored, n)
		}
	}
	if len(restored) > 0 {
		a.announceOwn(restored)
	}
	return errors.Join(errs...)
}

// withdraw tells whether the interface had another MAC than its own, and has got that back. It gets it back even when
// an address stays: nobody else can have the virtual one before. An interface that is gone has taken its addresses
// along.
func (a *Addresses) withdraw(n Network) (restored bool, err error) {
	link, err := a.Kernel.Link(n.Interface)
	if errors.Is(err, unix.ENODEV) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	errs := []error{a.Kernel.SetAddresses(link.Index, n.Addresses, nil)}
	own := a.own(link, n)
	if link.MAC != own {
		if err := a.Kernel.SetMAC(link.Index, own); err != nil {
			return false, errors.Join(append(errs, err)...)
		}
		link.MAC, restored = own, true
	}
	a.keep(own, n) // now, so that attaching has nothing to write
	a.links[n.Interface] = link
	return restored, errors.Join(errs...)
}

// Verify looks whether every virtual address is where it belongs and its interface has a carrier and the virtual MAC.
func (a *Addresses) Verify() error {
	var errs []error
	for _, n := range a.Networks {
		errs = append(errs, a.verify(n)...)
	}
	return errors.Join(errs...)
}

func (a *Addresses) verify(n Network) (errs []error) {
	link, err := a.Kernel.Link(n.Interface)
	if err != nil {
		return []error{err}
	}
	if !link.Up {
		errs = append(errs, fmt.Errorf("interface %s is down or has no carrier", n.Interface))
	}
	if n.VirtualMAC != (rtnetlink.MAC{}) && link.MAC != n.VirtualMAC {
		errs = append(errs, fmt.Errorf("interface %s has MAC address %s instead of %s", n.Interface, link.MAC, n.VirtualMAC))
	}
	present, err := a.Kernel.Addresses(link.Index)
	if err != nil {
		return append(errs, err)
	}
	for _, address := range n.Addresses {
		if !slices.Contains(present, address) {
			errs = append(errs, fmt.Errorf("interface %s does not have %s", n.Interface, address))
		}
	}
	return errs
}
