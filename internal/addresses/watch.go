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
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

const (
	// settling is how long after attaching nothing is heeded: the former active's last words may still be on their way.
	settling = time.Second
	// questionInterval is how often the watch asks who has the virtual addresses.
	questionInterval = 20 * time.Second
	// expiryInterval is how often the watch looks for conflicts that have passed.
	expiryInterval = time.Second
	// reopenInterval is how long it waits before it listens again on an interface that failed.
	reopenInterval = time.Second

	// claimsPerSecond and claimBurst bound how many claims are read from an interface. The kernel drops the others: a
	// storm of them must not take the processor away from the traffic.
	claimsPerSecond = 100
	claimBurst      = 32
)

// Tap receives the frames by which other stations claim virtual addresses.
type Tap interface {
	// Read waits for a frame and copies its beginning, which has the claim. It fails when the tap is closed or the
	// interface goes.
	Read(frame []byte) (int, error)
	Close() error
}

// claimed is a claim that was heard.
type claimed struct {
	network string
	claim   frame.Claim
	twin    bool
}

// Watch looks for other stations that claim a virtual address while the addresses are attached, and calls changed with
// all conflicts whenever one appears or passes; with none when the addresses are withdrawn. It returns when the context
// ends. It is to run once, and costs nothing while the addresses are not attached.
//
// Two stations that answer for one address break connections whichever of them is right. So nothing is ever sent in
// response: announcements against announcements would only make every neighbour follow to and fro.
//
// A takeover cannot wait for what RFC 5227 and RFC 4862 demand before an address is used. In its place the watch asks,
// when the addresses have settled and every 20 s then, who has them, in the way that claims nothing: from no address. A
// station that has one of them and was silent so far answers.
//
// What it cannot see: on a macvlan in bridge mode the kernel keeps from the interface what others broadcast by its own
// MAC, so that two units with the same virtual MAC do not see each other there.
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
	if !pause(ctx, spell, settling) {
		return
	}
	var listeners sync.WaitGroup
	defer listeners.Wait()
	defer cancel() // before the wait for those who heed it

	heard := make(chan claimed)
	for _, n := range a.Networks {
		l := &listener{addresses: a, network: n, heard: heard}
		tap := l.open(ctx) // before the first question
		listeners.Go(func() { l.listen(ctx, tap) })
	}
	a.ask()
	questions, expiry := time.NewTicker(questionInterval), time.NewTicker(expiryInterval)
	defer questions.Stop()
	defer expiry.Stop()
	var known ledger
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
		case <-expiry.C:
			news = known.expire(time.Now())
		}
		if news {
			changed(known.all())
		}
	}
}

// pause waits, and tells whether the spell has lasted.
func pause(ctx context.Context, spell <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-spell:
		return false
	case <-timer.C:
		return true
	}
}

// ask asks on every interface who has its virtual addresses.
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

// listener hears the claims on one interface.
type listener struct {
	addresses *Addresses
	network   Network
	heard     chan<- claimed

	// mac is the interface's: a frame of another station that has it is a twin's.
	mac rtnetlink.MAC
	// failing is set while the interface cannot be listened on, which is logged once.
	failing bool
}

// listen hears until the context ends. It begins with a tap that is open already, unless that failed.
func (l *listener) listen(ctx context.Context, tap Tap) {
	for {
		if tap != nil {
			l.note(ctx, l.hear(ctx, tap))
		}
		if !pause(ctx, nil, reopenInterval) {
			return
		}
		tap = l.open(ctx)
	}
}

// open returns nothing when it fails.
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
