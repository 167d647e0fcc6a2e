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
	"github.com/hapair-io/hapair/internal/notify"
)

// Network is an interface with the virtual addresses that it has while the unit is active.
type Network struct {
	Interface string
	Addresses []netip.Prefix
	// VirtualMAC is the MAC address that the interface has together with the virtual addresses. Without one the interface
	// keeps its own.
	VirtualMAC rtnetlink.MAC
}

// Config is the whole state of the virtual addresses.
type Config struct {
	// Attached means that every virtual address is on its interface. Otherwise no virtual address is.
	Attached bool
}

// Kernel sets addresses on interfaces.
type Kernel interface {
	Link(name string) (rtnetlink.Link, error)
	Addresses(index int) ([]netip.Prefix, error)
	SetAddresses(index int, managed, wanted []netip.Prefix) error
	AddAddresses(index int, wanted []netip.Prefix) error
	SetMAC(index int, mac rtnetlink.MAC) error
}

// Wire sends and receives Ethernet frames.
type Wire interface {
	// Send sends the frames on the interface, in order.
	Send(link rtnetlink.Link, frames [][]byte) error
	// Tap starts to receive the frames in which other stations claim one of the addresses.
	Tap(link rtnetlink.Link, addresses []netip.Addr) (Tap, error)
}

// Options are the virtual addresses of one unit and the settings for them.
type Options struct {
	Networks []Network
	Kernel   Kernel
	Wire     Wire
	// Permitted is called before each round of announcements. A process that stood still while its permit ran out must not
	// claim what another unit has by then. Without it, announcements are always permitted.
	Permitted func() bool
	// Memory is a directory that outlives the process but not the pod. It keeps the MAC address that an interface had
	// before its virtual one. Without it nothing is kept.
	Memory string
	// Identity is the pod's UID. An interface's own MAC address is derived from it where the original is lost.
	Identity string
	Log      logr.Logger
}

// Addresses manages the virtual addresses of one unit. It does not touch other addresses on the same interfaces.
type Addresses struct {
	Options
	memory memory

	mu sync.Mutex
	// links holds the interfaces as Set has left them, so that attaching needs no lookup.
	links map[string]rtnetlink.Link
	// spell is the time from attaching to the withdrawal; nil while the addresses are not attached.
	spell chan struct{}
	// attaching notifies Watch that a spell has begun.
	attaching notify.Signal
	// stopAnnouncing ends the repeated announcements and waits for their goroutine.
	stopAnnouncing func()
}

// New returns the virtual addresses. It changes nothing before the first Set.
func New(o Options) *Addresses {
	if o.Permitted == nil {
		o.Permitted = func() bool { return true }
	}
	return &Addresses{
		Options: o, memory: memory{directory: o.Memory}, links: map[string]rtnetlink.Link{},
		attaching: notify.New(), stopAnnouncing: func() {},
	}
}

// Set attaches all virtual addresses or withdraws all. It continues after an error, so that one missing interface does
// not affect the addresses on the others.
func (a *Addresses) Set(_ context.Context, c Config) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.Attached {
		return a.attachAll()
	}
	return a.withdrawAll()
}

// attachAll gives each interface its virtual MAC before its addresses. A neighbour that asks in between would learn the
// wrong MAC.
func (a *Addresses) attachAll() error {
	begins := a.spell == nil
	if begins {
		a.stopAnnouncing() // These announce the unit's own addresses, by its own MAC.
	} else {
		clear(a.links) // It is a repair, so nothing that is remembered is trusted.
	}
	var errs []error
	for _, n := range a.Networks {
		if err := a.attach(n); err != nil {
			errs = append(errs, fmt.Errorf("attaching virtual addresses of %s: %w", n.Interface, err))
		}
	}
	if begins {
		a.spell = make(chan struct{})
		a.attaching.Notify()
	}
	return errors.Join(errs...)
}

// attach uses the remembered interface first. If that fails, it looks the interface up, since it may have been replaced
// under its name.
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

// attachTo attaches the addresses even if the virtual MAC is refused, and returns the error. The neighbours can learn
// the other MAC.
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

// withdrawAll ends the announcements first. A neighbour that hears an announcement after the address has moved would
// send its traffic to the wrong unit. Where an interface gets its own MAC back, its own addresses are announced.
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

// withdraw removes the addresses from an interface. It returns whether the interface had the virtual MAC and got its
// own back. It gets its own back even when an address remains, since nobody else can have the virtual one before. A
// missing interface has taken its addresses along.
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
	a.keep(own, n) // Now, so that attaching has nothing to write.
	a.links[n.Interface] = link
	return restored, errors.Join(errs...)
}

// Verify checks that every virtual address is on its interface, and that the interface has a carrier and the virtual
// MAC.
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
