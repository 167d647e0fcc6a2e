package schedule_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/firewall/advertiser/schedule"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

var (
	lan = document.AdvertisedNetwork{Interface: "lan", Address: netip.MustParseAddr("fe80::1")}
	dmz = document.AdvertisedNetwork{Interface: "dmz", Address: netip.MustParseAddr("fe80::1"), IntervalSeconds: 4}
)

// scene is a machine with a clock.
type scene struct {
	*testing.T
	*schedule.Machine
	now     time.Duration
	present map[string]bool
}

func newScene(t *testing.T, networks ...document.AdvertisedNetwork) *scene {
	s := &scene{
		T: t, Machine: schedule.New(rand.New(rand.NewPCG(1, 2))), now: time.Hour, present: map[string]bool{},
	}
	s.set(networks...)
	return s
}

func (s *scene) set(networks ...document.AdvertisedNetwork) []schedule.Message {
	final := s.Set(s.now, networks)
	s.observe()
	return final
}

func (s *scene) observe() {
	s.Observe(s.now, func(n document.AdvertisedNetwork) bool { return s.present[n.Interface] })
}

// attach gives an interface its virtual address, or takes it.
func (s *scene) attach(device string, isPresent bool) {
	s.present[device] = isPresent
	s.observe()
}

// next sends the next advertisement at its time, and returns the time until then. It is negative if there is no next
// one.
func (s *scene) next() time.Duration {
	at, ok := s.Next()
	if !ok {
		return -1
	}
	waited := at - s.now
	s.now = max(s.now, at)
	for _, m := range s.Due(s.now) {
		s.Sent(s.now, m.Interface, true)
	}
	return waited
}

func (s *scene) expect(what string, got, shortest, longest time.Duration) {
	s.Helper()
	if got < shortest || got > longest {
		s.Errorf("%s after %s, want %s to %s", what, got, shortest, longest)
	}
}

// A unit that becomes active advertises at once, twice more in quick succession, and then at the interval.
func TestAdvertisesInQuickSuccessionAndThenAtTheInterval(t *testing.T) {
	s := newScene(t, lan)
	if got := s.next(); got != -1 {
		t.Errorf("a standby advertises after %s", got)
	}
	s.attach("lan", true)
	s.expect("the first", s.next(), 0, 0)
	s.expect("the second", s.next(), 16*time.Second, 16*time.Second)
	s.expect("the third", s.next(), 16*time.Second, 16*time.Second)
	different := map[time.Duration]bool{}
	for range 50 {
		got := s.next()
		s.expect("a later one", got, 200*time.Second, 600*time.Second)
		different[got] = true
	}
	if len(different) < 40 {
		t.Errorf("only %d of 50 intervals differ, so that routers stay in step", len(different))
	}
}

// A unit that becomes standby falls silent, without a final advertisement. When it is active again, it starts from the
// beginning.
func TestAStandbyIsSilent(t *testing.T) {
	s := newScene(t, lan)
	s.attach("lan", true)
	s.next()
	s.attach("lan", false)
	s.Solicited(s.now, "lan")
	if got := s.next(); got != -1 {
		t.Errorf("a standby advertises after %s", got)
	}
	if final := s.set(); len(final) != 0 {
		t.Errorf("a standby sends %v when the network is removed", final)
	}
	s.set(lan)
	s.attach("lan", true)
	s.expect("the first of the next time", s.next(), 0, 0)
}

// A network that the document has no more is taken back once. Its interval, its DNS servers or those of another
// network do not matter.
func TestARemovedNetworkIsTakenBack(t *testing.T) {
	s := newScene(t, lan, dmz)
	s.attach("lan", true)
	s.attach("dmz", true)
	s.next()
	changed := lan
	changed.MTU = 1400
	if final := s.set(changed, dmz); len(final) != 0 {
		t.Errorf("a change takes the router back: %v", final)
	}
	final := s.set(changed)
	if len(final) != 1 || final[0].Interface != "dmz" || !final[0].IsFinal {
		t.Errorf("the removal sends %v", final)
	}
	if final := s.set(changed); len(final) != 0 {
		t.Errorf("repeated, it sends %v", final)
	}
	moved := changed
	moved.Address = netip.MustParseAddr("fe80::2")
	final = s.set(moved)
	if len(final) != 1 || final[0].Address != lan.Address || !final[0].IsFinal {
		t.Errorf("another address sends %v", final)
	}
	s.expect("that address advertises", s.next(), 0, 0)
}

// A change is told to hosts at once, unless the last advertisement was just sent. Networks without a change keep their
// time.
func TestAChangeIsAdvertised(t *testing.T) {
	s := newScene(t, lan)
	s.attach("lan", true)
	for range 3 {
		s.next()
	}
	s.now += time.Second
	changed := lan
	changed.MTU = 1400
	s.set(changed)
	s.expect("the change", s.next(), 2*time.Second, 2*time.Second)
	before, _ := s.Next()
	s.set(changed, dmz)
	if after, _ := s.Next(); after != before {
		t.Errorf("the next one moved from %s to %s", before, after)
	}
}

// Hosts that ask get an answer soon. However many ask, there are three seconds between two advertisements.
func TestSolicitationsAreAnsweredWithinARate(t *testing.T) {
	s := newScene(t, lan)
	s.attach("lan", true)
	for range 4 {
		s.next()
	}
	s.now += 100 * time.Second
	before, _ := s.Next()
	s.Solicited(s.now, "dmz")
	if after, _ := s.Next(); after != before {
		t.Errorf("a host of another interface moves the next one from %s to %s", before, after)
	}
	s.Solicited(s.now, "lan")
	s.expect("the answer", s.next(), 0, 500*time.Millisecond)
	sent := 0
	for start := s.now; s.now < start+time.Minute; s.now += 10 * time.Millisecond {
		s.Solicited(s.now, "lan")
		for _, m := range s.Due(s.now) {
			s.Sent(s.now, m.Interface, true)
			sent++
		}
	}
	if sent < 15 || sent > 20 {
		t.Errorf("%d answers within a minute of solicitations", sent)
	}
}

// What could not be sent is tried again soon, and less often after many failures. It counts as not sent.
func TestAFailureIsTriedAgain(t *testing.T) {
	s := newScene(t, lan)
	s.attach("lan", true)
	for range 20 {
		at, _ := s.Next()
		s.now = max(s.now, at)
		s.Sent(s.now, "lan", false)
		again, _ := s.Next()
		s.expect("again", again-s.now, 50*time.Millisecond, time.Second)
	}
	s.next()
	s.expect("the second", s.next(), 16*time.Second, 16*time.Second)
	s.expect("the third", s.next(), 16*time.Second, 16*time.Second)
}

// Whatever happens, an interface has three seconds between two advertisements, and a unit that is active never stops.
func TestRandomEvents(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := schedule.New(rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 0)))
		now, last, isPresent := time.Duration(0), map[string]time.Duration{}, false
		networks := []document.AdvertisedNetwork{lan, dmz}
		m.Set(now, networks)
		for range rapid.IntRange(1, 100).Draw(r, "events") {
			now += time.Duration(rapid.Int64Range(0, int64(10*time.Second)).Draw(r, "later"))
			switch rapid.IntRange(0, 3).Draw(r, "event") {
			case 0:
				m.Solicited(now, rapid.SampledFrom([]string{"lan", "dmz", "wan"}).Draw(r, "interface"))
			case 1:
				isPresent = rapid.Bool().Draw(r, "present")
				m.Observe(now, func(document.AdvertisedNetwork) bool { return isPresent })
			case 2:
				networks = slices.Clone(networks)
				networks[0].MTU = uint16(rapid.IntRange(1280, 1282).Draw(r, "mtu"))
				if final := m.Set(now, networks); len(final) != 0 {
					r.Fatalf("a change takes the router back: %v", final)
				}
			default:
				for _, message := range m.Due(now) {
					if !isPresent {
						r.Fatal("a standby advertises")
					}
					if before, ok := last[message.Interface]; ok && now < before+3*time.Second {
						r.Fatalf("%s advertises %s after the last time", message.Interface, now-before)
					}
					isSent := rapid.Bool().Draw(r, "sent")
					if isSent {
						last[message.Interface] = now
					}
					m.Sent(now, message.Interface, isSent)
				}
			}
			next, ok := m.Next()
			if ok != isPresent || next > now+600*time.Second {
				r.Fatalf("the next one is at %s, %t", next, ok)
			}
		}
	})
}
