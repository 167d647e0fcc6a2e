package sidecar

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Rules that are removed again and again, and restored each time, count as missing all the while.
func TestRulesThatAreRemovedAgainAndAgainAreMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFirewalls()
		set := func(hash string) {
			f.change(func(s *firewallStatus) { s.Hash = hash }, func(bool) {})
		}
		set("first")
		if !f.get().isSteady() {
			t.Error("the first rules do not count")
		}
		set("second")
		if !f.get().isSteady() {
			t.Error("the rules of another document do not count")
		}
		for range 100 {
			set("")
			if f.get().isSteady() {
				t.Fatal("missing rules count")
			}
			time.Sleep(10 * time.Millisecond)
			set("second")
			time.Sleep(40 * time.Millisecond)
			if f.get().isSteady() {
				t.Fatal("rules count that were missing 40 ms ago")
			}
		}
		<-f.changed
		time.Sleep(steadyAfter)
		synctest.Wait()
		select {
		case <-f.changed:
		default:
			t.Error("nobody learns that the rules count again")
		}
		if !f.get().isSteady() {
			t.Error("the rules do not count again")
		}
	})
}

// A gate that is removed again and again, and put back each time, counts like missing rules all the while. People learn
// what was wrong.
func TestGateThatIsRemovedAgainAndAgainCountsAsMissingRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFirewalls()
		removed := errors.New("no table")
		f.gateRepaired(removed)
		f.change(func(s *firewallStatus) { s.Hash = "first" }, func(bool) {})
		if !f.get().isSteady() {
			t.Error("a repair before the first rules counts")
		}
		for range 100 {
			f.gateRepaired(removed)
			time.Sleep(400 * time.Millisecond)
			if known := f.get(); known.isSteady() || !strings.Contains(known.unsteady, "no table") {
				t.Fatalf("400 ms after a repair: %q", known.unsteady)
			}
		}
		<-f.changed
		time.Sleep(steadyAfter)
		synctest.Wait()
		select {
		case <-f.changed:
		default:
			t.Error("nobody learns that the gate stays")
		}
		if known := f.get(); !known.isSteady() {
			t.Errorf("later: %q", known.unsteady)
		}
	})
}

// The gate follows each change at once, as long as rules that are back stay for a while. Otherwise it is closed until
// they do.
func TestContestedRulesKeepTheGateClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, open, opened := newFirewalls(), false, 0
		act := func(mayOpen bool) {
			if mayOpen && !open {
				opened++
			}
			open = mayOpen
		}
		set := func(hash string) { f.change(func(s *firewallStatus) { s.Hash = hash }, act) }
		expect := func(when string, want bool, times int) {
			t.Helper()
			synctest.Wait()
			if open != want || opened != times {
				t.Errorf("%s the gate is open: %t, and was opened %d times", when, open, opened)
			}
			opened = 0
		}
		ctx, cancel := context.WithCancel(t.Context())
		var settling sync.WaitGroup
		settling.Go(func() { f.settle(ctx, act) })
		set("first")
		expect("at the start", true, 1)
		set("")
		expect("without rules", false, 0)
		set("first")
		expect("with the rules back", true, 1)
		time.Sleep(contestWithin)
		for range 20 {
			set("")
			expect("removed now and then", false, 0)
			time.Sleep(time.Second)
			set("first")
			expect("back now and then", true, 1)
			time.Sleep(contestWithin)
		}
		for range 20 {
			time.Sleep(contestWithin / 2)
			set("")
			time.Sleep(time.Millisecond)
			set("first")
			set("first") // The next verification.
		}
		expect("in a contest", false, 1) // The first removal began it.
		time.Sleep(contestWithin - time.Millisecond)
		expect("before its end", false, 0)
		time.Sleep(time.Millisecond)
		expect("after its end", true, 1)
		set("")
		set("first")
		expect("removed once more", true, 1)
		cancel()
		settling.Wait()
	})
}
