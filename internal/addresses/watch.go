package addresses

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/hapair-io/hapair/internal/addresses/frame"
	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

const (
	// settling is how long claims are ignored after attaching: the last frames of the former active may still be on their
	// way.
	settling = time.Second
	// questionInterval is the time between two probes for the virtual addresses.
	questionInterval = 20 * time.Second
	// expiryInterval is the time between two searches for expired conflicts.
	expiryInterval = time.Second
	// reopenInterval is the pause before listening again on an interface that failed.
	reopenInterval = time.Second

	// claimsPerSecond and claimBurst bound how many claims are read from an interface. The kernel drops the others. A
	// storm of claims must not take the processor away from the traffic.
	claimsPerSecond = 100
	claimBurst      = 32
)

// Tap receives the frames by which other stations claim virtual addresses.
type Tap interface {
	// Read waits for a frame and copies its beginning, which has the claim. It fails when the tap is closed or the
	// interface disappears.
	Read(frame []byte) (int, error)
	Close() error
}

// claimed is a claim that was received.
type claimed struct {
	network string
	claim   frame.Claim
	twin    bool
}

// Watch looks for other stations that claim a virtual address while the addresses are attached. It calls changed with
// all conflicts whenever one appears or expires, and with an empty list when the addresses are withdrawn. It returns
// when the context ends. Call it once. It costs nothing while the addresses are not attached.
//
// Two stations that answer for one address break connections, whichever of them is right. Watch defends the address: it
// announces it in answer to a claim, at most every 10 s, so that neighbours that were deceived return. More would only
// make every neighbour switch back and forth.
//
// A takeover cannot wait for the probes that RFC 5227 and RFC 4862 require before an address is used. Watch sends them
// later instead: when the addresses have settled, and then every 20 s. The probes have no sender address and so claim
// nothing. A station that has one of the addresses and was silent so far answers.
//
// One case stays invisible: on a macvlan in bridge mode the kernel hides from the interface what others broadcast with
// its own MAC. Two units with the same virtual MAC do not see each other there.
func (a *Addresses) Watch(ctx context.Context, changed func([]Conflict)) {
	for {
		if spell := a.currentSpell(); spell != nil {
			a.watchSpell(ctx, spell, changed)
		}
		select {
		case <-ctx.Done():
			return
		case <-a.attaching:
		}
	}
}

func (a *Addresses) currentSpell() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.spell
}

// watchSpell watches until the addresses are withdrawn.
func (a *Addresses) watchSpell(ctx context.Context, spell <-chan struct{}, changed func([]Conflict)) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	select {
	case <-ctx.Done():
		return
	case <-spell:
		return
	case <-time.After(settling):
	}
	var listeners sync.WaitGroup
	defer listeners.Wait()
	defer cancel() // Before the wait for the goroutines that use it.

	heard := make(chan claimed)
	for _, n := range a.Networks {
		l := &listener{addresses: a, network: n, heard: heard}
		tap := l.open(ctx) // Before the first probe.
		listeners.Go(func() { l.listen(ctx, tap) })
	}
	a.ask()
	questions, expiry := time.NewTicker(questionInterval), time.NewTicker(expiryInterval)
	defer questions.Stop()
	defer expiry.Stop()
	var known ledger
	answered := defence{}
	for {
		news := false
		select {
		case <-ctx.Done():
			return
		case <-spell:
			if len(known.kept) > 0 {
				changed(nil)
			}
			return
		case <-questions.C:
			a.ask()
		case c := <-heard:
			if news = known.note(c.network, c.claim, c.twin, time.Now()); news {
				a.Log.Info("Noticing another station with a virtual address", "interface", c.network,
					"address", c.claim.Address, "mac", rtnetlink.MAC(c.claim.MAC).String(), "twin", c.twin)
			}
			if !c.twin && answered.due(c, time.Now()) {
				a.defend(c)
			}
		case <-expiry.C:
			news = known.expire(time.Now())
		}
		if news {
			changed(known.all())
		}
	}
}

// ask sends probes for the virtual addresses on every interface.
func (a *Addresses) ask() {
	for _, n := range a.Networks {
		link, err := a.Kernel.Link(n.Interface)
		if err == nil {
			err = a.Wire.Send(link, questions(link.MAC, n.Addresses))
		}
		if err != nil {
			a.Log.Error(err, "Asking who has the virtual addresses", "interface", n.Interface)
		}
	}
}

func questions(mac rtnetlink.MAC, addresses []netip.Prefix) [][]byte {
	var all [][]byte
	for _, a := range addresses {
		if a.Addr().Is4() {
			all = append(all, frame.ARPProbe(mac, a.Addr()))
		} else {
			all = append(all, frame.DuplicateProbe(mac, a.Addr()))
		}
	}
	return all
}

// listener receives the claims on one interface.
type listener struct {
	addresses *Addresses
	network   Network
	heard     chan<- claimed

	// mac is the interface's own: a frame of another station with it comes from a twin.
	mac rtnetlink.MAC
	// failing is set while listening on the interface fails, which is logged once.
	failing bool
}

// listen receives claims until the context ends. It starts with a tap that is open already, if there is one.
func (l *listener) listen(ctx context.Context, tap Tap) {
	for {
		if tap != nil {
			l.note(ctx, l.hear(ctx, tap))
		}
		if !backoff.Sleep(ctx, reopenInterval) {
			return
		}
		tap = l.open(ctx)
	}
}

// open opens a tap, and returns nil when that fails.
func (l *listener) open(ctx context.Context) Tap {
	var tap Tap
	link, err := l.addresses.Kernel.Link(l.network.Interface)
	if err == nil && !link.Enabled {
		err = fmt.Errorf("interface %s is switched off", link.Name) // A tap of it would fail at once.
	}
	if err == nil {
		var all []netip.Addr
		for _, a := range l.network.Addresses {
			all = append(all, a.Addr())
		}
		l.mac = link.MAC
		tap, err = l.addresses.Wire.Tap(link, all)
	}
	l.note(ctx, err)
	return tap
}

// note logs the first of several failures in a row.
func (l *listener) note(ctx context.Context, err error) {
	if err != nil && !l.failing && ctx.Err() == nil {
		l.addresses.Log.Error(err, "Listening for other stations with a virtual address", "interface", l.network.Interface)
	}
	l.failing = err != nil
}

// hear reads from the tap until that fails or the context ends, and closes it.
func (l *listener) hear(ctx context.Context, tap Tap) (err error) {
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(closed)
		_ = tap.Close() // It only ends Read.
	})
	defer func() {
		if stop() {
			err = errors.Join(err, tap.Close())
		} else {
			<-closed
		}
	}()
	limit := rate.NewLimiter(claimsPerSecond, claimBurst)
	buffer := make([]byte, frame.MaxClaim)
	for {
		if err := limit.Wait(ctx); err != nil {
			return err
		}
		n, err := tap.Read(buffer)
		if err != nil {
			return err
		}
		claim, ok := frame.ParseClaim(buffer[:n])
		if !ok {
			continue
		}
		select {
		case l.heard <- claimed{network: l.network.Interface, claim: claim, twin: claim.MAC == l.mac}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
