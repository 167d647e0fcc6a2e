package simulation

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestSeeds plays the same seeds every time, and others each time. A failure names its seed, which
// `go run ./test/simulation/cmd/simulate -seed N -shrink -trace` explains.
func TestSeeds(t *testing.T) {
	for name, fleet := range map[string]Fleet{
		"fixed": {From: 1, Seeds: 3000},
		"fresh": {From: rand.Uint64() >> 1, Seeds: 2000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Logf("from seed %d", fleet.From)
			fleet.Workers, fleet.Failures = runtime.GOMAXPROCS(0), 5
			stats, failures := fleet.Run(t.Context())
			for _, f := range failures {
				t.Errorf("seed %d violates %s", f.Seed, f.Violation)
			}
			if missing := stats.Unexercised(); name == "fixed" && len(missing) != 0 {
				t.Errorf("these runs no longer exercise: %q", missing)
			}
		})
	}
}

// breaks are what is broken on purpose, and the rule that must be seen to be violated then. What the protocol is for is
// that never two units are active, so that most of them are held to that.
var breaks = []Break{
	{HalfGrant, OneActive},
	{NoWait, OneActive},
	{NoWait, GrantHonoured},
	{NoLeaseWait, OneActive},
	{RelativeTimer, OneActive},
	{NoSwap, OneActive},
	{NoSwap, TermsGrow},
	{TrustedSilence, OneActive},
	{CountedFromAnswer, OneActive},
	{WildClocks, OneActive},
	{EndlessGrant, OneActive},
	{LyingGate, OneActive},
	{NoShortening, OneActive},
	{EarlyRelinquish, OneActive},
	{SameIncarnation, OneUser},
	{HollowSync, NothingLost},
	{LostRelinquishes, AsPromised},
	{NeverReady, Recovers},
	{EndlessConflict, Considerate},
	{NoSecondClock, OneActive},
}

// TestMutations breaks one rule at a time. Each must be seen, or the simulation proves nothing.
func TestMutations(t *testing.T) {
	broken, shown := map[Mutation]bool{}, map[Rule]bool{}
	for _, b := range breaks {
		broken[b.Mutation], shown[b.Shows] = true, true
		t.Run(b.Mutation.String()+" violates "+b.Shows.String(), func(t *testing.T) {
			fleet := Fleet{From: 1, Seeds: 3000, Workers: runtime.GOMAXPROCS(0), Break: b, Failures: 1}
			stats, failures := fleet.Run(t.Context())
			if len(failures) == 0 {
				t.Fatalf("not seen in %d seeds", stats.Runs)
			}
			t.Logf("seen after %d seeds: %s", stats.Runs, failures[0].Violation)
		})
	}
	for m := Faithful + 1; int(m) < mutations; m++ {
		if !broken[m] {
			t.Errorf("%q is not tried", m)
		}
	}
	for r := OneActive; int(r) < rules; r++ {
		if !shown[r] {
			t.Errorf("no mutation shows that %q is looked at", r)
		}
	}
}

// TestReplay plays seeds again, in a simulator that has played others meanwhile: everything must be as it was.
func TestReplay(t *testing.T) {
	s := &Simulator{}
	tell := func(p Plan) string {
		var b bytes.Buffer
		if _, err := s.Trace(p, Break{}, 0, &b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	const seeds = 40
	first := make([]string, seeds)
	for i := range first {
		first[i] = tell(Draw(uint64(i)))
	}
	for i := seeds - 1; i >= 0; i-- {
		if tell(Draw(uint64(i))) != first[i] {
			t.Errorf("seed %d goes another way the second time", i)
		}
	}
}

// TestShrink makes a failing plan smaller. What is left fails alike, every time, and leaving out any more of its faults
// ends that.
func TestShrink(t *testing.T) {
	broken := Break{LyingGate, OneActive}
	s := &Simulator{}
	shrunk := 0
	for seed := uint64(1); shrunk < 3; seed++ {
		p := Draw(seed)
		was := s.Run(p, broken)
		if was == nil || len(p.Faults) < 4 {
			continue
		}
		shrunk++
		small, v := s.Shrink(p, broken)
		if v == nil || v.Rule != was.Rule {
			t.Fatalf("seed %d violates %s, and in a smaller plan %v", seed, was, v)
		}
		if again := s.Run(small, broken); again == nil || *again != *v {
			t.Errorf("seed %d violates %s in the smaller plan, and then %v", seed, v, again)
		}
		if len(small.Faults) >= len(p.Faults) || len(small.kept) != len(small.Faults) {
			t.Errorf("seed %d has %d faults, and %d in the smaller plan", seed, len(p.Faults), len(small.Faults))
		}
		for i := range small.Faults {
			less := small
			less.Faults = slices.Delete(slices.Clone(small.Faults), i, i+1)
			if _, v := s.still(less, broken, was.Rule); v != nil {
				t.Errorf("seed %d: fault %d of the smaller plan is not needed", seed, i)
			}
		}
		if tail := small.String(); tail == "" {
			t.Error("the smaller plan says nothing")
		}
	}
}

// TestTraceEndsAtViolation asks for the last lines, which must be those before what went wrong.
func TestTraceEndsAtViolation(t *testing.T) {
	s, broken := &Simulator{}, Break{LyingGate, OneActive}
	for seed := uint64(1); ; seed++ {
		p := Draw(seed)
		if s.Run(p, broken) == nil {
			continue
		}
		var b bytes.Buffer
		v, err := s.Trace(p, broken, 10, &b)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(b.Bytes(), []byte(v.String())) || bytes.Count(b.Bytes(), []byte("\n")) > 100 {
			t.Errorf("the last lines of seed %d do not mention %s:\n%s", seed, v, b.String())
		}
		return
	}
}

func TestClock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := clock{
			booted: time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "booted")),
			offset: time.Duration(rapid.Int64Range(0, int64(100*time.Hour)).Draw(t, "offset")),
			ppm:    rapid.Int64Range(-50_000, 50_000).Draw(t, "ppm"),
		}
		local := c.offset + time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "local"))
		when := c.when(local)
		if c.at(when) < local || c.at(when-1) >= local {
			t.Fatalf("at %s the clock shows %s, a moment before %s; wanted is %s",
				when, c.at(when), c.at(when-1), local)
		}
	})
}

// TestDrift holds the clocks of plans to the bound: an hour on the one is at the most an hour and a hundredth on the
// other.
func TestDrift(t *testing.T) {
	widest := 0.0
	for seed := range uint64(2000) {
		p := Draw(seed)
		fast, slow := million+p.Units[0].Drift, million+p.Units[1].Drift
		if fast < slow {
			fast, slow = slow, fast
		}
		if fast*100 > slow*101 {
			t.Errorf("seed %d: rates of %d and %d ppm", seed, p.Units[0].Drift, p.Units[1].Drift)
		}
		widest = max(widest, float64(fast)/float64(slow))
	}
	if widest < 1.0099 {
		t.Errorf("the clocks are never further apart than %f", widest)
	}
}

// TestAgenda compares the heap with a sorted list.
func TestAgenda(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var a agenda
		var plain []event
		order := uint32(0)
		for range rapid.IntRange(1, 200).Draw(t, "acts") {
			if len(plain) > 0 && rapid.Bool().Draw(t, "take") {
				got, want := a.take(), plain[0]
				plain = plain[1:]
				if got != want {
					t.Fatalf("took %+v instead of %+v", got, want)
				}
				continue
			}
			e := event{at: time.Duration(rapid.IntRange(0, 5).Draw(t, "at"))}
			a.add(e)
			order++
			e.order = order
			at, _ := slices.BinarySearchFunc(plain, e, func(x, y event) int {
				if before(&x, &y) {
					return -1
				}
				return 1
			})
			plain = slices.Insert(plain, at, e)
		}
	})
}
