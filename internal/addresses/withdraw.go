package addresses

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// withdrawAll ends the announcements first. A neighbour that hears an announcement after the address has moved would
// send its traffic to the wrong unit. Where an interface gets its own MAC back, its own addresses are announced.
func (a *Addresses) withdrawAll() error {
	a.stopAnnouncing()
	if a.spell != nil {
		close(a.spell)
		a.spell = nil
	}
	a.faults.leave(time.Now())
	table, err := a.Kernel.AddressTable()
	if err != nil {
		return fmt.Errorf("withdrawing virtual addresses: %w", err)
	}
	var errs []error
	var restored []Network
	for _, n := range a.Networks {
		_, had, err := a.withdraw(n, table)
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

// withdraw removes the addresses from an interface. It returns how many the interface had, and whether it had the
// virtual MAC and got its own back. It gets its own back even when an address remains, since nobody else can have the
// virtual one before. A missing interface has taken its addresses along, unless it was only renamed.
func (a *Addresses) withdraw(n Network, table []rtnetlink.Address) (removed int, restored bool, err error) {
	link, err := a.Kernel.Link(n.Interface)
	gone := errors.Is(err, unix.ENODEV)
	if err != nil && !gone {
		return 0, false, err
	}
	var errs []error
	if former, known := a.links[n.Interface]; known && (gone || former.Index != link.Index) {
		errs = append(errs, a.abandon(former, n, table))
		delete(a.links, n.Interface)
	}
	if gone {
		return 0, false, errors.Join(errs...)
	}
	excess := a.virtualOn(link.Index, n, table)
	if len(excess) > 0 {
		errs = append(errs, a.Kernel.RemoveAddresses(excess))
	}
	own := a.own(link, n)
	if link.MAC != own {
		if err := a.Kernel.SetMAC(link.Index, own); err != nil {
			return len(excess), false, errors.Join(append(errs, err)...)
		}
		link.MAC, restored = own, true
	}
	a.keep(own, n) // Now, so that attaching has nothing to write.
	a.links[n.Interface] = link
	return len(excess), restored, errors.Join(errs...)
}

// abandon removes what the unit has put on an interface that has lost its name. It may still exist under another.
func (a *Addresses) abandon(former rtnetlink.Link, n Network, table []rtnetlink.Address) error {
	left := a.virtualOn(former.Index, n, table)
	if len(left) == 0 {
		return nil
	}
	err := a.Kernel.RemoveAddresses(left)
	if n.VirtualMAC == (rtnetlink.MAC{}) || former.MAC != n.VirtualMAC {
		return err
	}
	if mac := a.Kernel.SetMAC(former.Index, a.own(former, n)); mac != nil && !errors.Is(mac, unix.ENODEV) {
		err = errors.Join(err, mac)
	}
	return err
}
