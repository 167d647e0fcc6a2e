package vip

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/vip/frame"
)

// repetitions are when the announcements are sent again, counted from the first: densely while a lost frame costs most,
// then until switches that were busy relearning have settled.
var repetitions = []time.Duration{
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	1 * time.Second, 2 * time.Second, 3 * time.Second, 4 * time.Second, 5 * time.Second,
}

// Announce tells the neighbours of every virtual address at once, and goes on telling them for a while. It fails when
// the first round could not be sent everywhere; a later round that fails is only logged, as all it does is repeat. The
// rounds end with a withdrawal, with Close, or when another Announce begins its own.
func (a *Addresses) Announce(context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopAnnouncing()
	if err := a.announceOnce(); err != nil {
		return fmt.Errorf("announcing virtual addresses: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	a.stopAnnouncing = func() {
		cancel()
		<-done
	}
	go func() {
		defer close(done)
		a.repeat(ctx)
	}()
	return nil
}

// Close ends the announcements and waits for them. The addresses stay as they are.
func (a *Addresses) Close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopAnnouncing()
}

func (a *Addresses) repeat(ctx context.Context) {
	started := time.Now()
	for _, at := range repetitions {
		timer := time.NewTimer(time.Until(started.Add(at)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if err := a.announceOnce(); err != nil {
			a.log.Error(err, "Repeating announcements of virtual addresses")
		}
	}
}

func (a *Addresses) announceOnce() error {
	var errs []error
	for _, n := range a.networks {
		if len(n.Addresses) == 0 {
			continue
		}
		link, err := a.kernel.Link(n.Interface)
		if err == nil {
			err = a.wire.Send(link, frames(link.MAC, n))
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("interface %s: %w", n.Interface, err))
		}
	}
	return errors.Join(errs...)
}

// frames are the announcements of a network. IPv4 is announced in both forms, for there are neighbours that heed only
// the one or the other.
func frames(mac rtnetlink.MAC, n Network) [][]byte {
	var all [][]byte
	for _, a := range n.Addresses {
		if a.Addr().Is4() {
			all = append(all,
				frame.GratuitousARP(frame.Request, mac, a.Addr()), frame.GratuitousARP(frame.Reply, mac, a.Addr()))
		} else {
			all = append(all, frame.UnsolicitedAdvertisement(mac, a.Addr()))
		}
	}
	return all
}
