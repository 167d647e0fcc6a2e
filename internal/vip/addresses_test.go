package vip

import (
	"errors"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// segment is a kernel and a wire in memory.
type segment struct {
	mu        sync.Mutex
	addresses map[int][]netip.Prefix
	frames    int
	fails     error
}

func (s *segment) Link(name string) (rtnetlink.Link, error) {
	index, known := map[string]int{"lan": 1, "wan": 2}[name]
	if !known {
		return rtnetlink.Link{}, errors.New("no such device")
	}
	return rtnetlink.Link{Index: index, Name: name, MAC: rtnetlink.MAC{2, 0, 0, 0, 0, byte(index)}, Up: true}, nil
}

func (s *segment) Addresses(index int) ([]netip.Prefix, error) { return s.addresses[index], nil }

func (s *segment) SetAddresses(index int, _, wanted []netip.Prefix) error {
	s.addresses[index] = wanted
	return nil
}

func (s *segment) Send(_ rtnetlink.Link, frames [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails != nil {
		return s.fails
	}
	s.frames += len(frames)
	return nil
}

// sent returns how many frames went out since it was asked last.
func (s *segment) sent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.frames
	s.frames = 0
	return n
}

func pair(extra ...Network) (*Addresses, *segment) {
	s := &segment{addresses: map[int][]netip.Prefix{}}
	return New(append([]Network{
		{Interface: "lan", Addresses: []netip.Prefix{
			netip.MustParsePrefix("192.168.50.1/24"), netip.MustParsePrefix("fd50::1/64"),
		}},
		{Interface: "wan", Addresses: []netip.Prefix{netip.MustParsePrefix("203.0.113.1/24")}},
	}, extra...), s, s, logr.Discard()), s
}

// oneRound is two frames for each IPv4 address and one for each IPv6 address.
const oneRound = 2 + 1 + 2

func TestAnnouncementsRepeatAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, s := pair()
		if err := a.Set(t.Context(), Config{Attached: true}); err != nil {
			t.Fatal(err)
		}
		if err := a.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.sent(); got != oneRound {
			t.Errorf("%d frames at once", got)
		}
		time.Sleep(time.Minute)
		if got := s.sent(); got != len(repetitions)*oneRound {
			t.Errorf("%d frames in the rounds after", got)
		}
		a.Close()
	})
}

func TestWithdrawalEndsAnnouncements(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, s := pair()
		if err := a.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second + time.Millisecond)
		if err := a.Set(t.Context(), Config{}); err != nil {
			t.Fatal(err)
		}
		s.sent()
		time.Sleep(time.Minute)
		if got := s.sent(); got != 0 {
			t.Errorf("%d frames after the withdrawal", got)
		}
	})
}

func TestAnnounceFails(t *testing.T) {
	a, s := pair()
	s.fails = errors.New("network is down")
	if err := a.Announce(t.Context()); !errors.Is(err, s.fails) {
		t.Errorf("announced: %v", err)
	}
}

// An interface that is gone keeps nothing else from being done, and is not passed over in silence.
func TestSetGoesOnPastAnError(t *testing.T) {
	a, s := pair(Network{Interface: "dmz"})
	if err := a.Set(t.Context(), Config{Attached: true}); err == nil {
		t.Error("a missing interface went unnoticed")
	}
	if len(s.addresses[1]) != 2 || len(s.addresses[2]) != 1 {
		t.Errorf("attached %v", s.addresses)
	}
	if err := a.Verify(); err == nil {
		t.Error("verified without an interface")
	}
}

func TestVerify(t *testing.T) {
	a, s := pair()
	if err := a.Verify(); err == nil {
		t.Error("verified without addresses")
	}
	if err := a.Set(t.Context(), Config{Attached: true}); err != nil {
		t.Fatal(err)
	}
	if err := a.Verify(); err != nil {
		t.Error(err)
	}
	s.addresses[1] = s.addresses[1][1:]
	if err := a.Verify(); err == nil {
		t.Error("verified with an address missing")
	}
}
