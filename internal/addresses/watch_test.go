package addresses

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/internal/addresses/frame"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

var squatter = rtnetlink.MAC{2, 0, 0, 0, 0, 0x66}

// tap gives what the test puts on the segment.
type tap struct {
	frames chan []byte
	fails  chan error
	closed chan struct{}
}

func (p *tap) Read(b []byte) (int, error) {
	select {
	case f := <-p.frames:
		return copy(b, f), nil
	case err := <-p.fails:
		return 0, err
	case <-p.closed:
		return 0, errors.New("closed")
	}
}

func (p *tap) Close() error {
	select {
	case <-p.closed:
		return errors.New("closed already")
	default:
		close(p.closed)
		return nil
	}
}

func (s *segment) Tap(link rtnetlink.Link, _ []netip.Addr) (Tap, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails != nil {
		return nil, s.fails
	}
	p := &tap{frames: make(chan []byte, 1000), fails: make(chan error, 1), closed: make(chan struct{})}
	s.taps[link.Name] = p
	return p, nil
}

// tapOn returns the open tap of an interface, or nil.
func (s *segment) tapOn(name string) *tap {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.taps[name]
	if p == nil {
		return nil
	}
	select {
	case <-p.closed:
		return nil
	default:
		return p
	}
}

// watched runs a watch in a bubble and returns what it told last, and how often it told.
func watched(t *testing.T, do func(t *testing.T, a *Addresses, s *segment, told func() (last []Conflict, times int))) {
	synctest.Test(t, func(t *testing.T) {
		a, s := pair()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		var last []Conflict
		var times int
		go func() {
			defer close(done)
			a.Watch(ctx, func(all []Conflict) { last, times = all, times+1 })
		}()
		do(t, a, s, func() ([]Conflict, int) {
			synctest.Wait()
			return last, times
		})
		cancel()
		<-done
		for _, name := range []string{"lan", "wan"} {
			if s.tapOn(name) != nil {
				t.Errorf("the tap of %s is still open", name)
			}
		}
	})
}

// attachAndSettle attaches the addresses and waits until the watch listens.
func attachAndSettle(t *testing.T, a *Addresses, s *segment) {
	t.Helper()
	set(t, a, true)
	time.Sleep(settling)
	synctest.Wait()
	if s.tapOn("lan") == nil || s.tapOn("wan") == nil {
		t.Fatal("the watch does not listen")
	}
}

func claim(mac rtnetlink.MAC) []byte {
	return frame.GratuitousARP(frame.Reply, mac, networks[0].Addresses[0].Addr())
}

func TestWatchTellsAndForgets(t *testing.T) {
	watched(t, func(t *testing.T, a *Addresses, s *segment, told func() ([]Conflict, int)) {
		attachAndSettle(t, a, s)
		began := time.Now()
		for range 10 {
			s.tapOn("lan").frames <- claim(squatter)
			synctest.Wait()
		}
		last, times := told()
		if times != 1 || len(last) != 1 || last[0] != (Conflict{
			Interface: "lan", Address: networks[0].Addresses[0].Addr(), MAC: squatter, FirstSeen: began, LastSeen: began,
		}) {
			t.Errorf("told %d times: %v", times, last)
		}
		s.tapOn("lan").frames <- frame.UnsolicitedAdvertisement(squatter, networks[0].Addresses[1].Addr())
		if last, times = told(); times != 2 || len(last) != 2 {
			t.Errorf("told %d times: %v", times, last)
		}
		time.Sleep(conflictLasts - expiryInterval)
		if last, _ = told(); len(last) != 2 {
			t.Errorf("forgotten too early: %v", last)
		}
		time.Sleep(2 * expiryInterval)
		if last, _ = told(); len(last) != 0 {
			t.Errorf("not forgotten: %v", last)
		}
	})
}

// A claim by the unit's own MAC comes from another station: the unit does not receive its own frames.
func TestWatchTellsOfATwin(t *testing.T) {
	watched(t, func(t *testing.T, a *Addresses, s *segment, told func() ([]Conflict, int)) {
		attachAndSettle(t, a, s)
		s.tapOn("lan").frames <- claim(rtnetlink.MAC{2, 0, 0, 0, 0, 1})
		if last, _ := told(); len(last) != 1 || !last[0].Twin {
			t.Errorf("told %v", last)
		}
	})
}

func TestWatchListensOnlyWhileAttached(t *testing.T) {
	watched(t, func(t *testing.T, a *Addresses, s *segment, told func() ([]Conflict, int)) {
		set(t, a, false)
		time.Sleep(time.Minute)
		if s.tapOn("lan") != nil || len(s.sent()) != 0 {
			t.Error("listens before anything is attached")
		}
		for spell := range 3 {
			set(t, a, true)
			time.Sleep(settling - time.Millisecond)
			set(t, a, true) // Nothing starts over.
			synctest.Wait()
			if s.tapOn("lan") != nil || len(s.sent()) != 0 {
				t.Error("listens before the addresses have settled")
			}
			time.Sleep(time.Millisecond)
			synctest.Wait()
			s.tapOn("lan").frames <- claim(squatter)
			if last, _ := told(); len(last) != 1 {
				t.Errorf("spell %d: told %v", spell, last)
			}
			set(t, a, false)
			if last, times := told(); len(last) != 0 || times != 2*(spell+1) || s.tapOn("lan") != nil {
				t.Errorf("spell %d: told %v, %d times, after the withdrawal", spell, last, times)
			}
			s.sent()
			time.Sleep(time.Minute)
			if len(s.sent()) != 0 {
				t.Error("asks after the withdrawal")
			}
		}
		// A spell that ends before it has settled does not count.
		set(t, a, true)
		set(t, a, false)
		time.Sleep(2 * settling)
		if s.tapOn("lan") != nil {
			t.Error("listens after a short spell")
		}
	})
}

// A silent station is asked, and asked again before its conflict would be forgotten.
func TestWatchAsks(t *testing.T) {
	var want [][]byte
	for i, n := range networks {
		want = append(want, questions(rtnetlink.MAC{2, 5: byte(i + 1)}, n.Addresses)...)
	}
	watched(t, func(t *testing.T, a *Addresses, s *segment, _ func() ([]Conflict, int)) {
		attachAndSettle(t, a, s)
		if got := s.sent(); !equal(got, want) {
			t.Errorf("asked by %x", got)
		}
		time.Sleep(conflictLasts)
		synctest.Wait()
		if got := s.sent(); !equal(got, slices.Concat(want, want, want)) {
			t.Errorf("asked again by %x", got)
		}
	})
}

// A claim of each family is answered by an announcement of its address, again only after a while, and by nobody who may
// not claim the address.
func TestWatchDefendsAClaimedAddress(t *testing.T) {
	watched(t, func(t *testing.T, a *Addresses, s *segment, _ func() ([]Conflict, int)) {
		permitted := true
		a.Permitted = func() bool { return permitted }
		attachAndSettle(t, a, s)
		s.sent()
		mac := rtnetlink.MAC{2, 5: 1}
		hear := func(frames ...[]byte) [][]byte {
			for _, f := range frames {
				s.tapOn("lan").frames <- f
				synctest.Wait()
			}
			return s.sent()
		}
		first, second := networks[0].Addresses[0], networks[0].Addresses[1]
		fromSquatter := frame.UnsolicitedAdvertisement(squatter, second.Addr())
		want := announcements(mac, []netip.Prefix{first, second})
		if got := hear(claim(squatter), claim(squatter), fromSquatter, fromSquatter); !equal(got, want) {
			t.Errorf("answered by %x, want %x", got, want)
		}
		time.Sleep(defendInterval)
		want = announcements(mac, []netip.Prefix{first})
		if got := hear(claim(mac), claim(squatter)); !equal(got, want) {
			t.Errorf("answered again by %x, want %x", got, want)
		}
		permitted = false
		if got := hear(fromSquatter); len(got) > 0 {
			t.Errorf("answered without a permit by %x", got)
		}
	})
}

func TestWatchListensAgain(t *testing.T) {
	watched(t, func(t *testing.T, a *Addresses, s *segment, told func() ([]Conflict, int)) {
		attachAndSettle(t, a, s)
		s.mu.Lock()
		s.fails = errors.New("no such device")
		s.mu.Unlock()
		s.tapOn("lan").fails <- errors.New("network is down")
		time.Sleep(10 * reopenInterval)
		if s.tapOn("lan") != nil {
			t.Error("listens on an interface that is gone")
		}
		s.mu.Lock()
		s.fails = nil
		s.mu.Unlock()
		time.Sleep(2 * reopenInterval)
		synctest.Wait()
		s.tapOn("lan").frames <- claim(squatter)
		if last, _ := told(); len(last) != 1 {
			t.Errorf("told %v", last)
		}
	})
}

// A storm of claims costs no more than what is read in the time.
func TestWatchIsBounded(t *testing.T) {
	watched(t, func(t *testing.T, a *Addresses, s *segment, told func() ([]Conflict, int)) {
		attachAndSettle(t, a, s)
		lan := s.tapOn("lan")
		for i := range cap(lan.frames) {
			lan.frames <- claim(rtnetlink.MAC{2, 4: byte(i >> 8), 5: byte(i)})
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if read := cap(lan.frames) - len(lan.frames); read > claimBurst+claimsPerSecond+1 {
			t.Errorf("%d frames were read in a second", read)
		}
		if last, times := told(); len(last) != maxConflicts || times != maxConflicts {
			t.Errorf("told %d times of %d conflicts", times, len(last))
		}
	})
}
