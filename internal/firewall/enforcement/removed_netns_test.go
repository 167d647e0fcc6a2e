//go:build netns

package enforcement_test

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/programs"
)

// Tables are removed while the processes of the unit stand still, and so cannot close anything. Nothing is forwarded
// from then on.
func TestNothingIsForwardedOnceTablesAreRemoved(t *testing.T) {
	const (
		flush, ofFirewall = "flush ruleset", "delete table inet hapair"
		ofGate            = "delete table inet hapair_gate; delete table netdev hapair_gate"
	)
	for name, c := range map[string]struct {
		withoutBPF bool
		command    string
	}{
		"all rules":                                   {false, flush},
		"the firewall's table":                        {false, ofFirewall},
		"the firewall's table made dormant":           {false, "add table inet hapair { flags dormant; }"},
		"all rules, with a gate of nftables":          {true, flush},
		"the firewall's table, with such a gate":      {true, ofFirewall},
		"the tables of the gate":                      {true, ofGate},
		"the table of the gate for forwarded packets": {true, "delete table inet hapair_gate"},
		"the rules of the gate":                       {true, "flush table inet hapair_gate; flush table netdev hapair_gate"},
		"the rules of the gate for frames":            {true, "flush table netdev hapair_gate"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newActive(t, c.withoutBPF)
			allowed, forbidden := b.stream(allowedPort), b.stream(forbiddenPort)
			b.passes(allowed)
			b.Sidecar.Signal(syscall.SIGSTOP)
			b.Firewall.Signal(syscall.SIGSTOP)
			b.passes(allowed)
			b.nft(c.command)
			removed := clock.Boot()
			testbed.Pause(t, 200*time.Millisecond)
			if n, m := allowed.count(removed), forbidden.count(0); n+m > 0 {
				t.Errorf("%d allowed datagrams and %d forbidden ones were forwarded", n, m)
			}
			b.Sidecar.Signal(syscall.SIGCONT)
			b.Firewall.Signal(syscall.SIGCONT)
			b.passes(allowed)
		})
	}
}

// Chains of the firewall are emptied while the processes of the unit stand still, and so cannot restore them. What the
// chains do not decide any more is dropped: nothing passes to the unit or through it that did not pass before.
func TestWhatAnEmptiedChainLeavesUndecidedIsDropped(t *testing.T) {
	b := newActive(t, false)
	allowed, forbidden := b.stream(allowedPort), b.stream(forbiddenPort)
	toUnit := stream{testbed.NewStream(b, b.client, b.router, ownLAN+":5002")}
	b.passes(allowed)
	for _, chain := range []string{"traffic.input", "traffic.unit", "unmatched", "traffic.forward", "from.lan.to.wan"} {
		b.Sidecar.Signal(syscall.SIGSTOP)
		b.Firewall.Signal(syscall.SIGSTOP)
		b.nft("flush chain inet hapair " + chain)
		testbed.Pause(t, 100*time.Millisecond)
		b.Sidecar.Signal(syscall.SIGCONT)
		b.Firewall.Signal(syscall.SIGCONT)
		testbed.Eventually(t, "the rules are back", func() bool { return b.verify(policies("first")) == nil })
		b.passes(allowed)
		if n, m := forbidden.count(0), toUnit.count(0); n+m > 0 {
			t.Errorf("without the rules of %s, %d datagrams were forwarded and %d came to the unit", chain, n, m)
		}
	}
}

// A program that flushes all rules ten times a second, each time after they were restored, makes the unit unhealthy for
// as long as it does so. Then the role moves, if there is a peer. Nothing forbidden is forwarded.
func TestRulesFlushedAgainAndAgainMakeTheUnitUnhealthy(t *testing.T) {
	for name, withoutBPF := range map[string]bool{"BPF": false, "NFTables": true} {
		t.Run(name, func(t *testing.T) {
			b := newActive(t, withoutBPF)
			allowed, forbidden := b.stream(allowedPort), b.stream(forbiddenPort)
			b.passes(allowed)
			hostile := b.hostile()
			flush := func() {
				hostile.FlushRuleset()
				if err := hostile.Flush(); err != nil {
					t.Error(err)
				}
				testbed.Pause(t, 100*time.Millisecond)
			}
			testbed.Eventually(t, "the unit is unhealthy", func() bool {
				flush()
				return !programs.IsHealthy(b.Status())
			})
			seen := b.Count()
			for range 30 {
				flush()
			}
			if slices.ContainsFunc(b.Since(seen), programs.IsHealthy) {
				t.Error("the unit reported that it is healthy")
			}
			testbed.Eventually(t, "the unit is healthy", func() bool { return programs.IsHealthy(b.Status()) })
			b.passes(allowed)
			if n := forbidden.count(0); n > 2 {
				t.Errorf("%d forbidden datagrams were forwarded", n)
			}
		})
	}
}
