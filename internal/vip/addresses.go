package vip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// Network is an interface with the virtual addresses that belong on it while the unit is active.
type Network struct {
	Interface string
	Addresses []netip.Prefix
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
}

// Wire sends Ethernet frames.
type Wire interface {
	// Send sends the frames on the interface, in their order.
	Send(link rtnetlink.Link, frames [][]byte) error
}

// Addresses are the virtual addresses of one unit. Addresses of other origin on the same interfaces are left alone.
type Addresses struct {
	networks []Network
	kernel   Kernel
	wire     Wire
	log      logr.Logger

	mu sync.Mutex
	// stopAnnouncing ends the announcements that are being repeated and waits for their goroutine.
	stopAnnouncing func()
}

// New makes the virtual addresses of the networks. Nothing is touched before the first Set.
func New(networks []Network, kernel Kernel, wire Wire, log logr.Logger) *Addresses {
	return &Addresses{networks: networks, kernel: kernel, wire: wire, log: log, stopAnnouncing: func() {}}
}

// Set attaches all virtual addresses or withdraws all. Withdrawing ends their announcements first: a neighbour that is
// told of an address after it has moved on would send its traffic into nothing. It goes on past an error, so that one
// interface that is gone does not keep the addresses on the others.
func (a *Addresses) Set(_ context.Context, c Config) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !c.Attached {
		a.stopAnnouncing()
	}
	var errs []error
	for _, n := range a.networks {
		wanted := n.Addresses
		if !c.Attached {
			wanted = nil
		}
		link, err := a.kernel.Link(n.Interface)
		if err == nil {
			err = a.kernel.SetAddresses(link.Index, n.Addresses, wanted)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("setting virtual addresses of %s: %w", n.Interface, err))
		}
	}
	return errors.Join(errs...)
}

// Verify looks whether every virtual address is where it belongs and its interface has a carrier.
func (a *Addresses) Verify() error {
	var errs []error
	for _, n := range a.networks {
		link, err := a.kernel.Link(n.Interface)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if !link.Up {
			errs = append(errs, fmt.Errorf("interface %s is down or has no carrier", n.Interface))
		}
		present, err := a.kernel.Addresses(link.Index)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, address := range n.Addresses {
			if !slices.Contains(present, address) {
				errs = append(errs, fmt.Errorf("interface %s does not have %s", n.Interface, address))
			}
		}
	}
	return errors.Join(errs...)
}
