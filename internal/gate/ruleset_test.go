package gate

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// timing is a gate of nftables in memory. It uses the bubble's clock.
type timing struct {
	installed nftables.GateState
	isUp      bool
	ends      time.Time
	set       int
	// before and after are how long setting takes until the kernel counts, and until it has answered; asking is how long
	// reading takes after the kernel has answered.
	before, after, asking []time.Duration
	// loses makes it forget the permit.
	loses bool
	// stretches makes the permit longer than it was set.
	stretches time.Duration
}

func next(pauses *[]time.Duration) {
	if len(*pauses) > 0 {
		time.Sleep((*pauses)[0])
		*pauses = (*pauses)[1:]
	}
}

func (k *timing) Replace(s nftables.GateState) error {
	k.installed, k.isUp, k.ends = s, true, time.Time{}
	return nil
}

func (k *timing) SetPermit(_ []string, permit time.Duration) error {
	if !k.isUp {
		return errors.New("no such set")
	}
	next(&k.before)
	k.set++
	k.ends = time.Time{}
	if permit > 0 && !k.loses {
		k.ends = time.Now().Add(permit + k.stretches)
	}
	next(&k.after)
	return nil
}

func (k *timing) Dropped() (map[string]uint64, error) { return nil, nil }

func (k *timing) SetAddresses(own, control []netip.Addr) error {
	if !k.isUp {
		return errors.New("no such table")
	}
	k.installed.Own, k.installed.Control = own, control
	return nil
}

func (k *timing) Remaining() (time.Duration, error) {
	left := max(time.Until(k.ends), 0)
	next(&k.asking)
	return left, nil
}

func (k *timing) Verify([]string) error {
	if !k.isUp {
		return errors.New("no such table")
	}
	return nil
}

func (k *timing) Follow(context.Context, func()) error { return nil }

func (k *timing) Close() error { return nil }

// filters is a kernel from which the filters of an earlier life are removed.
type filters struct {
	Kernel
	removed []int
}

func (f *filters) RemoveFilter(index int, _ rtnetlink.Direction) error {
	f.removed = append(f.removed, index)
	return nil
}

func withTiming(t *testing.T, k *timing, do func(r *ruleset, now func() time.Duration)) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		epoch := time.Now()
		now := func() time.Duration { return time.Hour + time.Since(epoch) }
		k.isUp = true
		r := &ruleset{gate: k, kernel: &filters{}, now: now, state: nftables.GateState{Interfaces: []string{"lan"}}}
		if err := r.resume(); err != nil {
			t.Error(err)
		}
		do(r, now)
	})
}

// A permit ends in time or is refused, however slowly it is set.
func TestPermitEndsInTime(t *testing.T) {
	ms := func(numbers ...int) (all []time.Duration) {
		for _, n := range numbers {
			all = append(all, time.Duration(n)*time.Millisecond)
		}
		return all
	}
	for name, c := range map[string]struct {
		kernel timing
		set    int
		err    error
	}{
		"at once":                                     {timing{}, 1, nil},
		"a little slow":                               {timing{before: ms(2), after: ms(2)}, 1, nil},
		"slow after the kernel took it":               {timing{after: ms(40)}, 1, nil},
		"slow before, so that it would end late":      {timing{before: ms(40)}, 2, nil},
		"slow to read, which proves nothing":          {timing{before: ms(1), after: ms(10), asking: ms(10)}, 2, nil},
		"quick, so that slow reading does not matter": {timing{asking: ms(90)}, 1, nil},
		"slow three times":                            {timing{before: ms(20, 20, 20)}, 3, errSlow},
		"stopped until the deadline was past":         {timing{before: ms(150)}, 1, errPassed},
	} {
		t.Run(name, func(t *testing.T) {
			k := &c.kernel
			withTiming(t, k, func(r *ruleset, now func() time.Duration) {
				until := now() + 100*time.Millisecond
				deadline := time.Now().Add(100 * time.Millisecond)
				_, err := r.setDeadline(until)
				if !errors.Is(err, c.err) || k.set != c.set {
					t.Errorf("set %d times instead of %d: %v instead of %v", k.set, c.set, err, c.err)
				}
				if err == nil && (k.ends.After(deadline) || k.ends.Before(deadline.Add(-headroom))) {
					t.Errorf("ends %s after the deadline", k.ends.Sub(deadline))
				}
				if _, err := r.setDeadline(0); err != nil || !k.ends.IsZero() {
					t.Errorf("closed: %v", err)
				}
			})
		})
	}
}

// The permit is read back from the kernel.
func TestPermitIsReadBack(t *testing.T) {
	for name, k := range map[string]*timing{"lost": {loses: true}, "stretched": {stretches: 50 * time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			withTiming(t, k, func(r *ruleset, now func() time.Duration) {
				if _, err := r.setDeadline(now() + 100*time.Millisecond); err == nil {
					t.Error("goes unnoticed")
				}
			})
		})
	}
}

// Tables that somebody removed are put back closed when the deadline moves, instead of failing. A permit that the
// tables refuse for another reason fails.
func TestDeadlineOfRemovedTablesIsKept(t *testing.T) {
	k := &timing{}
	withTiming(t, k, func(r *ruleset, now func() time.Duration) {
		until := now() + time.Second
		if wrong, err := r.setDeadline(until); wrong != nil || err != nil || k.ends.IsZero() {
			t.Errorf("opened until %s: %v, %v", k.ends, wrong, err)
		}
		k.isUp = false
		until += time.Second
		if wrong, err := r.setDeadline(until); wrong == nil || err != nil || !k.isUp || !k.ends.IsZero() || !r.isSuspended() {
			t.Errorf("put back until %s: %v, %v", k.ends, wrong, err)
		}
		if err := errors.Join(r.resume(), r.checkOpen()); err != nil || time.Until(k.ends) < time.Second {
			t.Errorf("resumed until %s: %v", k.ends, err)
		}
		k.isUp = false
		if wrong, err := r.setDeadline(0); wrong == nil || err != nil || !k.isUp || !k.ends.IsZero() {
			t.Errorf("closed until %s: %v, %v", k.ends, wrong, err)
		}
		if err := r.resume(); err != nil || !k.ends.IsZero() {
			t.Errorf("a closed gate was opened until %s: %v", k.ends, err)
		}
	})
}

// Installing leaves the gate closed until the rules were verified, and keeps the deadline for then. It removes filters
// that would stay closed.
func TestRulesetIsPutBackClosed(t *testing.T) {
	k := &timing{}
	withTiming(t, k, func(r *ruleset, now func() time.Duration) {
		links := []rtnetlink.Link{{Index: 4}, {Index: 5}}
		own := []netip.Addr{netip.MustParseAddr("192.0.2.2")}
		if err := r.setAddresses(own, nil); err != nil {
			t.Errorf("before there is a table: %v", err)
		}
		if err := r.install(links); err != nil || !slices.Equal(k.installed.Own, own) || !k.ends.IsZero() {
			t.Errorf("put up as %+v until %s: %v", k.installed, k.ends, err)
		}
		until := now() + time.Second
		if _, err := r.setDeadline(until); err != nil || !k.ends.IsZero() || !r.isSuspended() {
			t.Errorf("open without rules until %s: %v", k.ends, err)
		}
		if err := errors.Join(r.resume(), r.checkOpen()); err != nil {
			t.Error(err)
		}
		want := k.ends
		k.isUp = false
		if err := r.installed(links); err == nil {
			t.Error("tables that are gone go unnoticed")
		}
		time.Sleep(300 * time.Millisecond)
		if err := r.install(links); err != nil || !k.ends.IsZero() || !r.isSuspended() {
			t.Errorf("put back open until %s: %v", k.ends, err)
		}
		if _, err := r.setDeadline(until); err != nil || !k.ends.IsZero() {
			t.Errorf("an extension opens the gate that was put back until %s: %v", k.ends, err)
		}
		if err := r.resume(); err != nil || !k.ends.Equal(want) {
			t.Errorf("resumed until %s instead of %s: %v", k.ends, want, err)
		}
		k.isUp = false
		if err := r.suspend(); err != nil || !k.ends.IsZero() || !k.isUp {
			t.Errorf("suspended until %s: %v", k.ends, err)
		}
		time.Sleep(time.Second)
		if err := r.resume(); err != nil || !k.ends.IsZero() || r.checkOpen() == nil {
			t.Errorf("resumed past the deadline, until %s: %v", k.ends, err)
		}
		if removed := r.kernel.(*filters).removed; !slices.Equal(removed[:4], []int{4, 4, 5, 5}) {
			t.Errorf("filters removed from %v", removed)
		}
	})
}
