package addresses

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/hapair-io/hapair/internal/addresses/frame"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// repetitions are the times of later announcements, counted from the first. They are dense at first, while a lost frame
// costs most, and continue until busy switches have relearned.
var repetitions = []time.Duration{
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	1 * time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second, 5 * time.Second,
}

// errNotPermitted means that an announcement came too late.
var errNotPermitted = errors.New("the unit may not claim them any more")

// Announce announces every virtual address at once, and repeats that for a while. It fails if nothing could be sent on
// any network. Later rounds, and networks that fail alone, are only logged. The rounds end with a withdrawal, with
// Close, when they are not permitted any more, or when other rounds begin.
//
// With a virtual MAC the unit's own addresses on the interface have moved to it too. They are announced after the
// others.
func (a *Addresses) Announce(context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.announce(a.Networks)
}

// announce announces the addresses of some networks, and then repeats the announcements of all.
func (a *Addresses) announce(networks []Network) error {
	a.stopAnnouncing()
	sent, err := a.announceVirtual(networks, a.linkAsLeft)
	if err != nil && sent == 0 {
		return fmt.Errorf("announcing virtual addresses: %w", err)
	}
	if err != nil {
		a.Log.Error(err, "Announcing some of the virtual addresses failed, trying again")
	}
	a.repeat("Repeating announcements of virtual addresses", func() error {
		_, err := a.announceVirtual(a.Networks, a.Kernel.Link)
		return err
	})
	return nil
}

// announceOwn announces the unit's own addresses after their interfaces got their own MAC back. No role depends on it:
// a neighbour that misses it will ask.
func (a *Addresses) announceOwn(networks []Network) {
	again := func() error {
		var errs []error
		for _, n := range networks {
			errs = append(errs, a.sendOwn(n))
		}
		return errors.Join(errs...)
	}
	const act = "Announcing the unit's own addresses"
	if err := again(); err != nil {
		a.Log.Error(err, act)
	}
	a.repeat(act, again)
}

// Close ends the announcements and waits for them. The addresses stay.
func (a *Addresses) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopAnnouncing()
}

// repeat starts a goroutine that repeats the announcements. stopAnnouncing ends it.
func (a *Addresses) repeat(act string, announce func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	a.stopAnnouncing = func() {
		cancel()
		<-done
	}
	go func() {
		defer close(done)
		started := time.Now()
		for _, at := range repetitions {
			timer := time.NewTimer(time.Until(started.Add(at)))
			select {
			case <-ctx.Done():
				timer.Stop()
				return
			case <-timer.C:
			}
			err := announce()
			if errors.Is(err, errNotPermitted) {
				return
			}
			if err != nil {
				a.Log.Error(err, act)
			}
		}
	}()
}

// linkAsLeft returns an interface as Set has left it, or looks it up.
func (a *Addresses) linkAsLeft(name string) (rtnetlink.Link, error) {
	if link, known := a.links[name]; known {
		return link, nil
	}
	return a.Kernel.Link(name)
}

// announceVirtual sends one round: the virtual addresses of the networks, and then the unit's own. It returns on how
// many networks the virtual addresses were announced.
func (a *Addresses) announceVirtual(
	networks []Network, link func(name string) (rtnetlink.Link, error),
) (sent int, err error) {
	if !a.Permitted() {
		return 0, errNotPermitted
	}
	var errs []error
	for _, n := range networks {
		l, err := link(n.Interface)
		if err == nil {
			err = a.Wire.Send(l, announcements(l.MAC, n.Addresses))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("interface %s: %w", n.Interface, err))
			continue
		}
		sent++
	}
	for _, n := range networks {
		if n.VirtualMAC != (rtnetlink.MAC{}) {
			errs = append(errs, a.sendOwn(n))
		}
	}
	return sent, errors.Join(errs...)
}

// sendOwn announces the addresses of the interface that are not virtual.
func (a *Addresses) sendOwn(n Network) error {
	link, err := a.Kernel.Link(n.Interface)
	if err != nil {
		return err
	}
	table, err := a.Kernel.AddressTable()
	if err != nil {
		return err
	}
	var own []netip.Prefix
	for _, present := range table {
		if present.Index == link.Index && !n.has(present.Prefix.Addr()) {
			own = append(own, present.Prefix)
		}
	}
	if err := a.Wire.Send(link, announcements(link.MAC, own)); err != nil {
		return fmt.Errorf("interface %s: %w", n.Interface, err)
	}
	return nil
}

// announcements returns the frames that announce the addresses at the MAC. IPv4 is announced in both forms, since some
// neighbours accept only one of them.
func announcements(mac rtnetlink.MAC, addresses []netip.Prefix) [][]byte {
	var all [][]byte
	for _, a := range addresses {
		if a.Addr().Is4() {
			all = append(all,
				frame.GratuitousARP(frame.Request, mac, a.Addr()), frame.GratuitousARP(frame.Reply, mac, a.Addr()))
		} else {
			all = append(all, frame.UnsolicitedAdvertisement(mac, a.Addr()))
		}
	}
	return all
}
