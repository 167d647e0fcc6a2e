//go:build netns

package enforcement_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	googlenft "github.com/google/nftables"

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
			b := newBed(t)
			b.withoutBPF = withoutBPF
			b.startFirewall()
			b.startSidecar()
			b.awaitActive()
			before := b.witness.status()
			if string(before.Fence) != name {
				t.Fatalf("the gate is of kind %s", before.Fence)
			}
			b.flushAgainAndAgain()
			if after := b.witness.status(); after.Role != "Active" || after.Term != before.Term {
				t.Errorf("the unit is %s in term %d, and was active in term %d", after.Role, after.Term, before.Term)
			}
		})
	}
}

// flushAgainAndAgain measures each flush.
func (b *bed) flushAgainAndAgain() {
	b.Helper()
	allowed, forbidden := b.stream(allowedPort), b.stream(forbiddenPort)
	b.passes(allowed)
	back := b.followRules()
	var begun []time.Time
	var closed, restored, open []time.Duration
	hostile := b.hostile()
	for range flushes {
		testbed.Pause(b, flushPause)
		drain(back)
		b.passes(allowed)
		flushed := time.Now()
		hostile.FlushRuleset()
		if err := hostile.Flush(); err != nil {
			b.Error(err)
		}
		begun = append(begun, flushed)
		for at := range back {
			if at.After(flushed) {
				restored = append(restored, at.Sub(flushed))
				break
			}
		}
	}
	b.passes(allowed)
	allowed.end()
	forbidden.end()
	early, late := 0, 0
	for i, flushed := range begun {
		begins, ends, found := allowed.gap(flushed, flushed.Add(restored[i]+gateClosedWithin))
		switch {
		case found:
			closed, open = append(closed, begins), append(open, ends)
		case restored[i] < gateClosedWithin:
			early++ // The rules were back before the sidecar looked.
		default:
			late++
		}
	}
	b.Logf("%d flushes: gate closed %s, rules back %s, gate open again %s; rules back before the gate closed %d times, "+
		"later than promised and before the gate closed %d times; of 1,000 forbidden datagrams a second %d got through",
		flushes, quantiles(closed), quantiles(restored), quantiles(open), early, late, forbidden.count(time.Time{}))
	// Other programs on the machine delay many measurements, so only the median must keep the promise.
	if late > flushes/10 {
		b.Errorf("the gate stayed open without rules after %d flushes", late)
	}
	if got := quantile(closed, 50); got > gateClosedWithin {
		b.Errorf("the gate closed after %v", got)
	}
	if got := quantile(restored, 50); got > rulesBackWithin {
		b.Errorf("the rules were back after %v", got)
	}
}

// hostile returns a connection that flushes rules. It stays open, since closing it takes long.
func (b *bed) hostile() (conn *googlenft.Conn) {
	b.Helper()
	err := b.router.Do(func() (err error) {
		conn, err = googlenft.New(googlenft.AsLasting())
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.CloseLasting() })
	return conn
}

// followRules returns a channel with the instants at which the rules were found complete after a change.
func (b *bed) followRules() <-chan time.Time {
	b.Helper()
	back := make(chan time.Time, 1000)
	want, kernel := compiled(b, policies("first")), nftables.Open()
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	var following sync.WaitGroup
	following.Go(func() {
		err := b.router.Do(func() error {
			return kernel.FollowTable(ctx, plan.Table, func() {
				if kernel.Verify(want) == nil {
					back <- time.Now()
				}
			})
		})
		if err != nil && !errors.Is(err, context.Canceled) {
			b.Errorf("following the rules: %v", err)
		}
	})
	b.Cleanup(func() {
		cancel()
		following.Wait()
		_ = kernel.Close()
	})
	return back
}

func drain(instants <-chan time.Time) {
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
