//go:build netns

package pair_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// television lets the client receive groups that the server sends to.
const television = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan0]}
  - {name: wan, interfaces: [wan0]}
  addresses:
  - {name: television, members: [239.0.0.0/8, "ff08::/16"]}
  policies:
  - {name: television, from: [wan], to: [lan], destination: [television], action: Accept}
  - {name: out, from: [lan], to: [wan], action: Accept}
  sourceNAT:
  - {name: out, to: wan, address: 203.0.113.1}
  multicast: {upstream: wan0, downstream: [lan0], groups: [239.0.0.0/8, "ff08::/16"]}
`

const (
	group, groupIPv6 = "239.1.2.3", "ff08::123"
	// sendInterval is the time between two datagrams of a stream.
	sendInterval = 5 * time.Millisecond
	// maxLonger is how many datagrams more a group may lose than ordinary traffic: those of 50 ms.
	maxLonger = int(50 * time.Millisecond / sendInterval)
	// shown is how many datagrams must arrive before the test goes on.
	shown = 40
)

// times returns how often something is measured: seldom, unless the test may take long.
func times(seldom, often int) int {
	if os.Getenv(longVariable) != "" {
		return often
	}
	return seldom
}

// newTelevision starts a pair that forwards multicast.
func newTelevision(t *testing.T, options pair.Options) *pair.Pair {
	t.Helper()
	options.Providers, options.Gate, options.Document = true, true, television
	return pair.New(t, options)
}

// watch lets the client receive a group, and returns when its datagrams arrive. Then the client never reports again.
func watch(t *testing.T, bed *pair.Pair, group string) *twins {
	t.Helper()
	s := newTwins(t, bed, group)
	testbed.Eventually(t, "both streams arrive", func() bool {
		return s.group.count(0) >= shown && s.ordinary.count(0) >= shown
	})
	mute(t, bed)
	return s
}

// mute keeps the client from ever reporting again.
func mute(t *testing.T, bed *pair.Pair) {
	t.Helper()
	bed.Client.Firewall(t, `table inet mute { chain output { type filter hook output priority 0;
		ip protocol igmp drop; icmpv6 type { mld-listener-report, mld-listener-done, mld2-listener-report } drop; }; }`)
}

// awaitStandby waits until the firewall of the standby has the routes of the active's.
func awaitStandby(t *testing.T, bed *pair.Pair, group string) {
	t.Helper()
	list := "ip mroute"
	if strings.Contains(group, ":") {
		list = "ip -6 mroute"
	}
	testbed.Eventually(t, "the standby has the route", func() bool {
		return strings.Contains(bed.Standby.Router().Run(t, list), "Oifs: lan0")
	})
}

// loss is how many datagrams in a row were lost of both streams.
type loss struct{ group, ordinary int }

// during returns what was lost during a change of the active unit. It returns once both streams continue.
func (s *twins) during(change func()) loss {
	s.t.Helper()
	since := s.sent()
	change()
	back := s.sent()
	testbed.Eventually(s.t, "both streams continue", func() bool {
		return s.group.count(back) >= shown && s.ordinary.count(back) >= shown
	})
	return loss{s.group.longestGap(since), s.ordinary.longestGap(since)}
}

// check fails if a group was interrupted longer than ordinary traffic. The losses are those of several changes.
func check(t *testing.T, what string, losses []loss) {
	t.Helper()
	longer := make([]int, 0, len(losses))
	for _, l := range losses {
		longer = append(longer, l.group-l.ordinary)
	}
	by := func(of func(loss) int) string {
		var all []int
		for _, l := range losses {
			all = append(all, of(l))
		}
		slices.Sort(all)
		at := func(i int) time.Duration { return time.Duration(all[i]) * sendInterval }
		return fmt.Sprintf("median %s, %s to %s", at(len(all)/2), at(0), at(len(all)-1))
	}
	t.Logf("%s, %d times. Gap of the group: %s. Gap of ordinary traffic: %s", what, len(losses),
		by(func(l loss) int { return l.group }), by(func(l loss) int { return l.ordinary }))
	slices.SortFunc(longer, cmp.Compare)
	if got := longer[len(longer)/2]; got > maxLonger {
		t.Errorf("in the median, %d datagrams more of the group were lost than of ordinary traffic, want at most %d",
			got, maxLonger)
	}
}

// TestMulticastSurvivesSwitchovers has a receiver that never reports again, while the units take turns.
func TestMulticastSurvivesSwitchovers(t *testing.T) {
	for _, group := range []string{group, groupIPv6} {
		t.Run(group, func(t *testing.T) {
			bed := newTelevision(t, pair.Options{})
			s := watch(t, bed, group)
			var losses []loss
			for range times(3, 20) {
				awaitStandby(t, bed, group)
				losses = append(losses, s.during(func() { bed.Switchover() }))
				bed.AwaitSync()
			}
			check(t, "Switchover", losses)
		})
	}
}

// TestMulticastSurvivesLossOfPower has a receiver that never reports again.
func TestMulticastSurvivesLossOfPower(t *testing.T) {
	var losses []loss
	for range times(1, 10) {
		bed := newTelevision(t, pair.Options{})
		s := watch(t, bed, group)
		awaitStandby(t, bed, group)
		losses = append(losses, s.during(func() { bed.Failover() }))
	}
	check(t, "Loss of power", losses)
}

// TestMulticastStopsWithoutTheClass is the control: without the class, the group is gone until its receiver reports.
func TestMulticastStopsWithoutTheClass(t *testing.T) {
	bed := newTelevision(t, pair.Options{WithoutProvided: true})
	s := watch(t, bed, group)
	bed.Failover()
	since := s.sent()
	testbed.Eventually(t, "ordinary traffic continues", func() bool { return s.ordinary.count(since) >= 10*shown })
	if n := s.group.count(since); n > 0 {
		t.Errorf("%d datagrams of the group arrived, so the other tests prove nothing", n)
	}
	bed.Client.Run(t, "nft delete table inet mute")
	since = s.sent()
	s.rejoin()
	testbed.Eventually(t, "the group returns after a report", func() bool { return s.group.count(since) >= shown })
}
