//go:build netns

package enforcement_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/test/testbed"
)

// What users are promised after a flush of all rules on the active.
const (
	gateClosedWithin = 50 * time.Millisecond
	rulesBackWithin  = 200 * time.Millisecond
	flushes          = 100
	// flushPause is longer than the firewall waits between two restorations, so that it is idle before each flush.
	flushPause = 100 * time.Millisecond
)

// The rules of the active are flushed again and again. Each time the gate closes, the rules come back, and the gate
// opens, without a change of role.
func TestFlushedRulesComeBackWhileTheGateIsClosed(t *testing.T) {
	for name, withoutBPF := range map[string]bool{"BPF": false, "NFTables": true} {
		t.Run(name, func(t *testing.T) {
			b := newActive(t, withoutBPF)
			before := b.Status()
			if string(before.Fence) != name {
				t.Fatalf("the gate is of kind %s", before.Fence)
			}
			b.flushAgainAndAgain()
			if after := b.Status(); after.Role != "Active" || after.Term != before.Term {
				t.Errorf("the unit is %s in term %d, and was active in term %d", after.Role, after.Term, before.Term)
			}
		})
	}
}

// flushAgainAndAgain measures each flush. The promise counts at the 99th percentile. A flush during which the machine
// did not run threads that were ready counts only for the part that it did.
func (b *bed) flushAgainAndAgain() {
	b.Helper()
	stalls := testbed.WatchStalls(b)
	allowed, forbidden := b.stream(allowedPort), b.stream(forbiddenPort)
	b.passes(allowed)
	back := b.followRules()
	var begun, restored []time.Duration
	hostile := b.hostile()
	for range flushes {
		testbed.Pause(b, flushPause)
		drain(back)
		b.passes(allowed)
		flushed := clock.Boot()
		hostile.FlushRuleset()
		if err := hostile.Flush(); err != nil {
			b.Error(err)
		}
		begun = append(begun, flushed)
		for at := range back {
			if at > flushed {
				restored = append(restored, at-flushed)
				break
			}
		}
	}
	b.passes(allowed)
	allowed.End()
	forbidden.End()
	var closed, open []time.Duration
	var closing, restoring figure
	early := 0
	for i, flushed := range begun {
		restoring.add(restored[i], rulesBackWithin, flushed, stalls)
		begins, ends, found := allowed.gap(flushed, flushed+restored[i]+gateClosedWithin)
		switch {
		case found:
			closed, open = append(closed, begins), append(open, ends)
			closing.add(begins, gateClosedWithin, flushed, stalls)
		case restored[i] < gateClosedWithin:
			early++ // The rules were back before the next datagram.
		default:
			closing.add(restored[i], gateClosedWithin, flushed, stalls)
		}
	}
	b.Logf("%d flushes: gate closed %s, rules back %s, gate open again %s; rules back before the gate closed %d times; "+
		"of 1,000 forbidden datagrams a second %d got through; not counted, since the machine stalled: %d closed, %d back",
		flushes, quantiles(closed), quantiles(restored), quantiles(open), early, forbidden.count(0),
		closing.stalled, restoring.stalled)
	if n := forbidden.count(0); n > flushes/20 { // One may be between two chains when the rules go.
		b.Errorf("%d forbidden datagrams were forwarded", n)
	}
	closing.check(b, "the gate was closed", gateClosedWithin)
	restoring.check(b, "the rules were back", rulesBackWithin)
}

// figure is how long something took each time. Those times are left out that are longer than promised, and would not be
// without the stalls of the machine.
type figure struct {
	took    []time.Duration
	stalled int
}

func (f *figure) add(took, promised, since time.Duration, stalls *testbed.Stalls) {
	if took > promised && took-stalls.Within(since, since+took) <= promised {
		f.stalled++
		return
	}
	f.took = append(f.took, took)
}

func (f *figure) check(b *bed, what string, promised time.Duration) {
	b.Helper()
	if got := quantile(f.took, 99); got > promised {
		b.Errorf("%s after %v (p99)", what, got)
	}
	if f.stalled > flushes/10 {
		b.Errorf("the machine stalled during %d of %d flushes: measure on one with less other work", f.stalled, flushes)
	}
}

// hostile returns a connection that changes rules of the unit.
func (b *bed) hostile() *hostile { b.Helper(); return hostileIn(b, b.router) }

// followRules returns a channel with the instants at which the rules were found complete after a change.
func (b *bed) followRules() <-chan time.Duration {
	b.Helper()
	back := make(chan time.Duration, 1000)
	want, kernel := compiled(b, policies("first")), nftables.Open()
	b.Cleanup(func() { _ = kernel.Close() })
	testbed.Background(b, func(ctx context.Context) {
		err := b.router.Do(func() error {
			return kernel.FollowTable(ctx, plan.Table, func() {
				if kernel.Verify(want) == nil {
					back <- clock.Boot()
				}
			})
		})
		if err != nil && !errors.Is(err, context.Canceled) {
			b.Errorf("following the rules: %v", err)
		}
	})
	return back
}

func drain(instants <-chan time.Duration) {
	for {
		select {
		case <-instants:
		default:
			return
		}
	}
}

// quantiles returns the distribution of durations for people.
func quantiles(durations []time.Duration) string {
	return fmt.Sprintf("p50 %v p90 %v p99 %v", quantile(durations, 50), quantile(durations, 90), quantile(durations, 99))
}

func quantile(durations []time.Duration, percent int) time.Duration {
	if len(durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(durations))
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)].Round(100 * time.Microsecond)
}
