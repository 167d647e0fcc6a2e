package addresses

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

var virtualMAC = rtnetlink.MAC{2, 0, 0x5e, 0x10, 0, 1}

// segment is a kernel and a wire in memory.
type segment struct {
	mu        sync.Mutex
	addresses map[int][]netip.Prefix
	macs      map[int]rtnetlink.MAC
	// replaced is how often the interfaces were replaced by others of the same names.
	replaced int
	looks    int
	frames   [][]byte
	taps     map[string]*tap
	fails    error
	refuses  error // to change a MAC
	refused  []netip.Prefix
	without6 bool // The interfaces have no IPv6.
	// withoutForwarding is set while the kernel forwards no IPv6.
	withoutForwarding bool
	log               []string
}

func newSegment() *segment {
	return &segment{addresses: map[int][]netip.Prefix{}, macs: map[int]rtnetlink.MAC{}, taps: map[string]*tap{}}
}

func (s *segment) Link(name string) (rtnetlink.Link, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	index, known := map[string]int{"lan": 1, "wan": 2}[name]
	if !known {
		return rtnetlink.Link{}, unix.ENODEV
	}
	index += 10 * s.replaced
	if s.macs[index] == (rtnetlink.MAC{}) {
		s.macs[index] = rtnetlink.MAC{2, 0, 0, 0, 0, byte(index)}
	}
	return rtnetlink.Link{
		Index: index, Name: name, MAC: s.macs[index], Enabled: true, Up: true, IPv6: !s.without6,
	}, nil
}

func (s *segment) AddressTable() (table []rtnetlink.Address, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for index, all := range s.addresses {
		for _, a := range all {
			table = append(table, rtnetlink.Address{Index: index, Prefix: a, Lasting: true, Permanent: true})
		}
	}
	return table, nil
}

// RemoveAddresses recognises addresses by their prefix, like AddAddresses.
func (s *segment) RemoveAddresses(all []rtnetlink.Address) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range all {
		s.log = append(s.log, fmt.Sprintf("%d remove %s", a.Index, a.Prefix))
		s.addresses[a.Index] = slices.DeleteFunc(s.addresses[a.Index], func(p netip.Prefix) bool { return p == a.Prefix })
	}
	return nil
}

func (s *segment) AddAddresses(index int, wanted []netip.Prefix) (refused []rtnetlink.Refused) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if index/10 != s.replaced {
		for _, a := range wanted {
			refused = append(refused, rtnetlink.Refused{Prefix: a, Err: unix.ENODEV})
		}
		return refused
	}
	s.log = append(s.log, fmt.Sprintf("%d add %v", index, wanted))
	for _, a := range wanted {
		switch {
		case slices.Contains(s.refused, a):
			refused = append(refused, rtnetlink.Refused{Prefix: a, Err: unix.EINVAL})
		case !slices.Contains(s.addresses[index], a):
			s.addresses[index] = append(s.addresses[index], a)
		}
	}
	return refused
}

func (s *segment) ForwardsIPv6() (bool, error) { return !s.withoutForwarding, nil }

func (s *segment) SetMAC(index int, mac rtnetlink.MAC) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuses != nil {
		return s.refuses
	}
	s.log = append(s.log, fmt.Sprintf("%d mac %s", index, mac))
	s.macs[index] = mac
	return nil
}

func (s *segment) Send(_ rtnetlink.Link, frames [][]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails != nil {
		return s.fails
	}
	s.frames = append(s.frames, frames...)
	return nil
}

// sent returns the frames that went out since it was asked last.
func (s *segment) sent() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	frames := s.frames
	s.frames = nil
	return frames
}

// done returns what was done to the interfaces since it was asked last.
func (s *segment) done() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	log := s.log
	s.log = nil
	return log
}

var networks = []Network{
	{Interface: "lan", Addresses: []netip.Prefix{
		netip.MustParsePrefix("192.168.50.1/24"), netip.MustParsePrefix("fd50::1/64"),
	}},
	{Interface: "wan", Addresses: []netip.Prefix{netip.MustParsePrefix("203.0.113.1/24")}},
}

func pair(extra ...Network) (*Addresses, *segment) {
	s := newSegment()
	return New(Options{
		Networks: append(slices.Clone(networks), extra...), Kernel: s, Wire: s, Log: logr.Discard(),
	}), s
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
		if got := len(s.sent()); got != oneRound {
			t.Errorf("%d frames at once", got)
		}
		time.Sleep(time.Minute)
		if got := len(s.sent()); got != len(repetitions)*oneRound {
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
		if got := len(s.sent()); got != 0 {
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

// An interface that is gone keeps nothing else from being done, and is a fault.
func TestSetGoesOnPastAnError(t *testing.T) {
	a, s := pair(Network{Interface: "dmz", Addresses: []netip.Prefix{netip.MustParsePrefix("10.9.0.1/24")}})
	if err := a.Set(t.Context(), Config{Attached: true}); err != nil {
		t.Error(err)
	}
	if len(s.addresses[1]) != 2 || len(s.addresses[2]) != 1 {
		t.Errorf("attached %v", s.addresses)
	}
	if err := errors.Join(a.Announce(t.Context()), a.Verify()); err != nil {
		t.Error(err)
	}
	a.Close()
	wantFaults(t, a, "", "", "interface dmz is gone")
}

// wantFaults compares the fault of each network. An empty text stands for no fault.
func wantFaults(t *testing.T, a *Addresses, want ...string) {
	t.Helper()
	for i, state := range a.states() {
		if (want[i] == "") != (state.Fault == "") || !strings.Contains(state.Fault, want[i]) {
			t.Errorf("fault of %s is %q, want %q", state.Interface, state.Fault, want[i])
		}
	}
}

// A unit that can hold no address at all must leave the role to the other.
func TestSetFailsIfNothingIsAttached(t *testing.T) {
	a := New(Options{
		Networks: []Network{{Interface: "dmz", Addresses: networks[0].Addresses}}, Kernel: newSegment(), Log: logr.Discard(),
	})
	if err := a.Set(t.Context(), Config{Attached: true}); !errors.Is(err, unix.ENODEV) {
		t.Errorf("attached: %v", err)
	}
	if err := a.Verify(); !errors.Is(err, unix.ENODEV) {
		t.Errorf("verified: %v", err)
	}
}

func TestRefusedAddressIsAFault(t *testing.T) {
	a, s := pair()
	s.refused = networks[0].Addresses[1:]
	set(t, a, true)
	if len(s.addresses[1]) != 1 || len(s.addresses[2]) != 1 {
		t.Errorf("attached %v", s.addresses)
	}
	wantFaults(t, a, "the kernel refuses fd50::1/64 on interface lan: invalid argument", "")
	// Only another attempt shows whether it is still refused.
	set(t, a, false)
	wantFaults(t, a, "the kernel refuses fd50::1/64", "")
	s.refused = nil
	set(t, a, true)
	wantFaults(t, a, "", "")
}

func TestVerify(t *testing.T) {
	a, s := pair()
	if err := a.Verify(); err == nil {
		t.Error("verified without addresses")
	}
	set(t, a, true)
	if err := a.Verify(); err != nil {
		t.Error(err)
	}
	s.addresses[1] = nil
	if err := a.Verify(); err != nil {
		t.Errorf("the WAN does not count: %v", err)
	}
	s.addresses[2] = nil
	if err := a.Verify(); err == nil {
		t.Error("verified with all addresses missing")
	}
}

// A process that stood still while its permit ran out announces nothing when it goes on.
func TestAnnouncementsNeedAPermit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, s := pair()
		permitted := true
		a.Permitted = func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return permitted
		}
		if err := a.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second + time.Millisecond)
		s.sent()
		s.mu.Lock()
		permitted = false
		s.mu.Unlock()
		time.Sleep(time.Minute)
		if got := len(s.sent()); got != 0 {
			t.Errorf("%d frames without a permit", got)
		}
		if err := a.Announce(t.Context()); !errors.Is(err, errNotPermitted) || len(s.sent()) != 0 {
			t.Errorf("announced: %v", err)
		}
		a.Close()
	})
}

// Attaching asks the kernel nothing that Set knows from the withdrawal before, until that turns out to be wrong.
func TestAttachingTrustsWhatIsKnown(t *testing.T) {
	a, s := pair()
	set := func(attached bool) {
		t.Helper()
		if err := a.Set(t.Context(), Config{Attached: attached}); err != nil {
			t.Fatal(err)
		}
	}
	set(false)
	before := s.looks
	set(true)
	if s.looks != before {
		t.Errorf("looked %d times", s.looks-before)
	}
	set(false)
	s.replaced++
	set(true)
	if err := a.Verify(); err != nil {
		t.Errorf("on an interface that was replaced: %v", err)
	}
	// Attaching again is a repair, and looks.
	s.replaced++
	set(true)
	if err := a.Verify(); err != nil {
		t.Errorf("repaired: %v", err)
	}
}

func TestWithdrawalFromAnInterfaceThatIsGone(t *testing.T) {
	a, _ := pair(Network{Interface: "dmz"})
	if err := a.Set(t.Context(), Config{}); err != nil {
		t.Error(err)
	}
}
