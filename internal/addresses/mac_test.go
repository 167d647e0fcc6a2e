package addresses

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/addresses/frame"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

func TestOwnMAC(t *testing.T) {
	first, second := rtnetlink.MAC{2, 0, 0, 0, 0, 1}, rtnetlink.MAC{2, 0, 0, 0, 0, 2}
	former := rtnetlink.MAC{2, 0, 0x5e, 0x10, 0, 9}
	crash, nonsense := change{first, virtualMAC}, change{virtualMAC, virtualMAC}
	for name, test := range map[string]struct {
		now, permanent rtnetlink.MAC
		known          change
		want           rtnetlink.MAC
	}{
		"nothing was changed":              {now: first, want: first},
		"the network gave it another":      {now: first, permanent: second, want: first},
		"it crashed":                       {now: virtualMAC, known: crash, want: first},
		"it crashed, hardware":             {now: virtualMAC, permanent: second, known: crash, want: first},
		"it crashed, file lost, hardware":  {now: virtualMAC, permanent: second, want: second},
		"it was replaced":                  {now: second, known: crash, want: second},
		"it crashed with another virtual":  {now: former, known: change{first, former}, want: first},
		"the file has nonsense":            {now: virtualMAC, permanent: second, known: nonsense, want: second},
		"it is not Ethernet":               {},
		"it has been put back":             {now: first, known: crash, want: first},
		"hardware that has the virtual":    {now: first, permanent: virtualMAC, want: first},
		"the file is of another interface": {now: second, known: change{first, former}, want: second},
	} {
		t.Run(name, func(t *testing.T) {
			link := rtnetlink.Link{MAC: test.now, PermanentMAC: test.permanent}
			if own, made := ownMAC(link, virtualMAC, test.known, "pod/lan"); own != test.want || made {
				t.Errorf("%s, made: %t", own, made)
			}
		})
	}
}

func TestMadeMAC(t *testing.T) {
	link := rtnetlink.Link{MAC: virtualMAC}
	seen := map[rtnetlink.MAC]bool{}
	for _, identity := range []string{"pod/lan", "pod/wan", "other/lan"} {
		own, made := ownMAC(link, virtualMAC, change{}, identity)
		again, _ := ownMAC(link, virtualMAC, change{}, identity)
		if !made || own != again || own[0]&3 != 2 || own == virtualMAC || seen[own] {
			t.Errorf("%s: %s, then %s", identity, own, again)
		}
		seen[own] = true
		if other, _ := ownMAC(rtnetlink.Link{MAC: own}, own, change{}, identity); other == own || other[0]&3 != 2 {
			t.Errorf("%s where that is the virtual one", other)
		}
	}
}

// withMAC returns a pair whose LAN has a virtual MAC, and an address of the unit's own.
func withMAC(t *testing.T, directory string, s *segment) *Addresses {
	t.Helper()
	all := slices.Clone(networks)
	all[0].VirtualMAC = virtualMAC
	if len(s.addresses[1]) == 0 {
		s.addresses[1] = []netip.Prefix{netip.MustParsePrefix("192.168.50.2/24")}
	}
	a := New(Options{Networks: all, Kernel: s, Wire: s, Memory: directory, Identity: "pod", Log: logr.Discard()})
	t.Cleanup(a.Close)
	return a
}

func set(t *testing.T, a *Addresses, attached bool) {
	t.Helper()
	if err := a.Set(t.Context(), Config{Attached: attached}); err != nil {
		t.Fatal(err)
	}
}

func TestVirtualMAC(t *testing.T) {
	s := newSegment()
	a := withMAC(t, t.TempDir(), s)
	set(t, a, false)
	s.done()
	set(t, a, true)
	if got := s.done(); !slices.Equal(got, []string{
		"1 mac 02:00:5e:10:00:01", "1 add [192.168.50.1/24 fd50::1/64]", "2 add [203.0.113.1/24]",
	}) {
		t.Errorf("attached by %q", got)
	}
	if err := a.Verify(); err != nil {
		t.Error(err)
	}
	s.macs[1] = rtnetlink.MAC{2, 0, 0, 0, 0, 1}
	s.addresses[2] = nil
	if err := a.Verify(); err == nil {
		t.Error("verified with another MAC")
	}
	set(t, a, true) // puts it right
	s.done()
	set(t, a, false)
	if got := s.done(); !slices.Equal(got, []string{
		"1 remove 192.168.50.1/24", "1 remove fd50::1/64", "1 mac 02:00:00:00:00:01", "2 remove 203.0.113.1/24",
	}) {
		t.Errorf("withdrawn by %q", got)
	}
	set(t, a, false)
	if got := s.done(); len(got) > 0 {
		t.Errorf("withdrawn again by %q", got)
	}
}

// The unit's own addresses move to the virtual MAC and back, and their neighbours are told each time.
func TestOwnAddressesAreAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSegment()
		a := withMAC(t, t.TempDir(), s)
		own := netip.MustParseAddr("192.168.50.2")
		set(t, a, false)
		if got := len(s.sent()); got != 0 {
			t.Errorf("%d frames where nothing has moved", got)
		}
		set(t, a, true)
		if err := a.Announce(t.Context()); err != nil {
			t.Fatal(err)
		}
		frames := s.sent()
		if len(frames) != oneRound+2 || !equal(frames[:2], announcements(virtualMAC, networks[0].Addresses[:1])) ||
			!equal(frames[oneRound:], [][]byte{
				frame.GratuitousARP(frame.Request, virtualMAC, own), frame.GratuitousARP(frame.Reply, virtualMAC, own),
			}) {
			t.Errorf("announced by %x", frames)
		}
		set(t, a, false)
		s.sent()
		time.Sleep(time.Minute)
		back := rtnetlink.MAC{2, 0, 0, 0, 0, 1}
		if frames = s.sent(); len(frames) != 2*len(repetitions) || !equal(frames[:2], [][]byte{
			frame.GratuitousARP(frame.Request, back, own), frame.GratuitousARP(frame.Reply, back, own),
		}) {
			t.Errorf("after the withdrawal %x", frames)
		}
	})
}

func equal(a, b [][]byte) bool {
	return slices.EqualFunc(a, b, func(x, y []byte) bool { return string(x) == string(y) })
}

// The next life of a unit that crashed finds the MAC that the interface had, whatever it is to have then.
func TestOwnMACOutlivesTheProcess(t *testing.T) {
	own := rtnetlink.MAC{2, 0, 0, 0, 0, 1}
	for name, next := range map[string]rtnetlink.MAC{
		"the same": virtualMAC, "another": {2, 0, 0x5e, 0x10, 0, 7}, "none": {},
	} {
		t.Run(name, func(t *testing.T) {
			s, directory := newSegment(), t.TempDir()
			set(t, withMAC(t, directory, s), true) // and crashes
			a := withMAC(t, directory, s)
			a.Networks[0].VirtualMAC = next
			set(t, a, false)
			if s.macs[1] != own {
				t.Errorf("the interface has %s", s.macs[1])
			}
		})
	}
}

func TestOwnMACIsMadeWhereItIsLost(t *testing.T) {
	s, directory := newSegment(), t.TempDir()
	set(t, withMAC(t, directory, s), true)
	for _, file := range []string{"mac-lan.json"} {
		if err := os.Remove(filepath.Join(directory, file)); err != nil {
			t.Fatal(err)
		}
	}
	set(t, withMAC(t, directory, s), false)
	if mac := s.macs[1]; mac == virtualMAC || mac[0]&3 != 2 {
		t.Errorf("the interface has %s", mac)
	}
}

// What cannot be read or written keeps nobody from taking over.
func TestMemoryThatFails(t *testing.T) {
	s, directory := newSegment(), t.TempDir()
	if err := os.WriteFile(filepath.Join(directory, "mac-lan.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(directory, "mac-lan.json.next"), 0o700); err != nil {
		t.Fatal(err)
	}
	set(t, withMAC(t, directory, s), true)
	if s.macs[1] != virtualMAC {
		t.Errorf("the interface has %s", s.macs[1])
	}
}

// Where the virtual MAC is refused the addresses are attached all the same, and announced where they are.
func TestVirtualMACRefused(t *testing.T) {
	s := newSegment()
	s.refuses = errors.New("address in use")
	a := withMAC(t, t.TempDir(), s)
	set(t, a, true)
	wantFaults(t, a, "address in use", "")
	if err := a.Announce(t.Context()); err != nil {
		t.Fatal(err)
	}
	own := rtnetlink.MAC{2, 0, 0, 0, 0, 1}
	if frames := s.sent(); len(s.addresses[1]) != 3 || !equal(frames[:2], announcements(own, networks[0].Addresses[:1])) {
		t.Errorf("%v, announced by %x", s.addresses[1], frames)
	}
	// It is taken when it is free.
	s.refuses = nil
	set(t, a, true)
	if err := a.Verify(); err != nil {
		t.Error(err)
	}
	wantFaults(t, a, "", "")
}
