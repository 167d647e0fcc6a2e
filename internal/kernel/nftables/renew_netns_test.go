//go:build netns

package nftables_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/test/testbed"
)

const renewedSets = "table inet hapair { set s { type ipv4_addr; size 3; flags timeout; }; " +
	"set d { type ipv4_addr; size 3; flags timeout; timeout 1h; }; set n { type ipv4_addr; size 3; }; " +
	"map m { type ipv4_addr : ipv4_addr; size 3; flags timeout; }; }"

// bothWays runs a test with a kernel that renews elements in place, if this one does, and with one that does not.
func bothWays(t *testing.T, test func(t *testing.T, kernel nftables.Kernel)) {
	t.Helper()
	for _, way := range []string{"in place", "by replacement"} {
		t.Run(way, func(t *testing.T) {
			inNamespace(t, "renew", func() {
				kernel := nftables.Open()
				defer func() { _ = kernel.Close() }()
				run(t, "nft", renewedSets)
				_, err := kernel.Generation() // It opens the socket.
				must(err)
				if way == "by replacement" {
					kernel.IgnoreRenewals()
				}
				test(t, kernel)
			})
		})
	}
}

func write(kernel nftables.Kernel, changes ...nftables.ElementChange) {
	refused, err := kernel.WriteElements("hapair", changes)
	must(errors.Join(append(refused, err)...))
}

func keyOf(i uint32) []byte { return binary.BigEndian.AppendUint32(nil, i) }

// only returns the element of a set that has one.
func only(t *testing.T, kernel nftables.Kernel, name string) (only nftables.Element) {
	t.Helper()
	set, _, err := kernel.Set("hapair", name)
	must(err)
	n := 0
	must(kernel.Elements("hapair", set, func(e nftables.Element) error {
		e.Key, e.Value = append([]byte(nil), e.Key...), append([]byte(nil), e.Value...)
		only = e
		n++
		return nil
	}))
	if n != 1 {
		t.Errorf("set %s has %d elements, want 1", name, n)
	}
	return only
}

// A renewal is an element that is written and then written again.
type renewal struct {
	name, set     string
	before, after nftables.Element
	// timeout is that of the set, if the element gets it.
	timeout time.Duration
	// isReplaced is set if the kernel cannot renew the element. isSame is set if there is nothing to renew.
	isReplaced, isSame bool
}

func renewals() []renewal {
	lasting := func(timeout, remaining time.Duration) nftables.Element {
		return nftables.Element{Key: keyOf(1), Timeout: timeout, Remaining: remaining}
	}
	valued := func(v uint32, life time.Duration) nftables.Element {
		return nftables.Element{Key: keyOf(1), Value: keyOf(v), Timeout: life, Remaining: life}
	}
	const minute, hour = time.Minute, time.Hour
	return []renewal{
		{name: "shorter", set: "s", before: lasting(hour, hour), after: lasting(minute, minute)},
		{name: "longer", set: "s", before: lasting(minute, minute), after: lasting(hour, hour)},
		{name: "begins again", set: "s", before: lasting(hour, minute), after: lasting(hour, hour)},
		{name: "ends sooner", set: "s", before: lasting(hour, hour), after: lasting(hour, minute)},
		{name: "ends later but is shorter", set: "s", before: lasting(hour, minute), after: lasting(30*minute, 20*minute)},
		{name: "becomes permanent", set: "s", before: lasting(minute, minute), after: lasting(0, 0)},
		{name: "becomes limited", set: "s", before: lasting(0, 0), after: lasting(minute, minute)},
		{name: "stays permanent", set: "s", before: lasting(0, 0), after: lasting(0, 0), isSame: true},
		{name: "of a set without times", set: "n", before: lasting(0, 0), after: lasting(0, 0), isSame: true},
		{
			name: "gets the set's time", set: "d", before: lasting(minute, minute), after: lasting(0, 0),
			timeout: hour, isReplaced: true,
		},
		{
			name: "begins the set's time again", set: "d", before: lasting(hour, minute), after: lasting(0, 0),
			timeout: hour, isReplaced: true,
		},
		{name: "has the set's time", set: "d", before: lasting(hour, minute), after: lasting(hour, hour)},
		{name: "leaves the set's time", set: "d", before: lasting(0, 0), after: lasting(minute, minute/2)},
		{name: "of a map", set: "m", before: valued(5, minute), after: valued(5, hour)},
		{name: "of a map, becomes permanent", set: "m", before: valued(5, minute), after: valued(5, 0)},
		{name: "gets another value", set: "m", before: valued(5, minute), after: valued(6, hour), isReplaced: true},
	}
}

// An element that is written again has the times and the value that were written last, however the kernel renews it.
// A listener hears of it.
func TestRenewedElementsHaveTheNewTimes(t *testing.T) {
	const slack = 10 * time.Second
	bothWays(t, func(t *testing.T, kernel nftables.Kernel) {
		for _, r := range renewals() {
			write(kernel, nftables.ElementChange{Set: r.set, Element: r.before})
			listener, err := nftables.Listen("hapair")
			must(err)
			write(kernel, nftables.ElementChange{Set: r.set, Element: r.after})
			want, got := r.after, only(t, kernel, r.set)
			if r.timeout > 0 {
				want.Timeout, want.Remaining = r.timeout, r.timeout
			}
			if string(got.Value) != string(want.Value) || got.Timeout != want.Timeout ||
				(got.Remaining-want.Remaining).Abs() > slack {
				t.Errorf("%s: the element is %+v, want %+v", r.name, got, want)
			}
			wantKinds := "added"
			switch isInPlace := kernel.RenewsInPlace(); {
			case !isInPlace || r.isReplaced:
				wantKinds = "removed added"
			case r.isSame:
				wantKinds = ""
			}
			if kinds := heard(t, listener, r.set); kinds != wantKinds {
				t.Errorf("%s: the kernel notified %q, want %q", r.name, kinds, wantKinds)
			}
			must(listener.Close())
			write(kernel, nftables.ElementChange{Set: r.set, Element: r.after, IsDeletion: true})
		}
	})
}

// heard returns what happened to the elements of a set.
func heard(t *testing.T, l *nftables.Listener, set string) string {
	t.Helper()
	var kinds []string
	l.Wake() // The kernel notifies before a write returns.
	for isDrained := false; !isDrained; {
		var events []nftables.SetEvent
		var err error
		events, isDrained, err = l.Receive(t.Context(), time.Time{})
		must(err)
		for _, e := range events {
			switch {
			case e.Kind == nftables.ElementAdded && e.Set == set:
				kinds = append(kinds, "added")
			case e.Kind == nftables.ElementRemoved && e.Set == set:
				kinds = append(kinds, "removed")
			case e.Kind != nftables.Committed:
				t.Errorf("the kernel notified of %+v", e)
			}
		}
	}
	return strings.Join(kinds, " ")
}

// The elements of a full set can be renewed, and renewing takes no place in it.
func TestRenewedElementsTakeNoPlace(t *testing.T) {
	bothWays(t, func(t *testing.T, kernel nftables.Kernel) {
		add := func(i uint32, life time.Duration) nftables.ElementChange {
			return nftables.ElementChange{Set: "s", Element: nftables.Element{Key: keyOf(i), Timeout: life, Remaining: life}}
		}
		write(kernel, add(1, time.Minute), add(2, time.Minute), add(3, time.Minute))
		const renewals = 10
		for i := range renewals {
			write(kernel, add(1, time.Duration(i+1)*time.Hour), add(2, time.Hour), add(2, 0), add(2, time.Hour))
		}
		refused, err := kernel.WriteElements("hapair", []nftables.ElementChange{add(4, time.Hour), add(3, time.Hour)})
		must(err)
		if !errors.Is(refused[0], unix.ENFILE) || refused[1] != nil {
			t.Errorf("a new element of a full set and one that it has end with %v", refused)
		}
		removal := add(1, 0)
		removal.IsDeletion = true
		write(kernel, removal, add(4, time.Hour), add(4, time.Minute))
		if listing := run(t, "nft", "list", "set", "inet", "hapair", "s"); strings.Contains(listing, "0.0.0.1 ") ||
			!strings.Contains(listing, "0.0.0.4 timeout 1m") || !strings.Contains(listing, "0.0.0.3 timeout 1h") {
			t.Errorf("the set is %s", listing)
		}
	})
}

// An element whose time has ended is added again, whether the kernel still stores it or not.
func TestEndedElementsReturn(t *testing.T) {
	bothWays(t, func(t *testing.T, kernel nftables.Kernel) {
		e := nftables.Element{Key: keyOf(1), Timeout: time.Millisecond, Remaining: time.Millisecond}
		write(kernel, nftables.ElementChange{Set: "s", Element: e})
		testbed.Pause(t, 20*time.Millisecond)
		e.Timeout, e.Remaining = time.Hour, time.Hour
		write(kernel, nftables.ElementChange{Set: "s", Element: e})
		if got := only(t, kernel, "s"); got.Timeout != time.Hour {
			t.Errorf("the element is %+v", got)
		}
	})
}

// The trial leaves nothing behind, and finds what nft finds.
func TestRenewalTrialIsRight(t *testing.T) {
	bothWays(t, func(t *testing.T, kernel nftables.Kernel) {
		run(t, "nft", "add element inet hapair s { 0.0.0.1 timeout 1m }")
		run(t, "nft", "add element inet hapair s { 0.0.0.1 timeout 1h }")
		renews := only(t, kernel, "s").Timeout == time.Hour
		write(kernel, nftables.ElementChange{Set: "n", Element: nftables.Element{Key: keyOf(1)}})
		if isForced := strings.HasSuffix(t.Name(), "replacement"); kernel.RenewsInPlace() != renews && !isForced {
			t.Errorf("the trial found %t, nft %t", kernel.RenewsInPlace(), renews)
		}
		if tables := run(t, "nft", "list", "tables"); strings.TrimSpace(tables) != "table inet hapair" {
			t.Errorf("the trial left tables behind:\n%s", tables)
		}
	})
}

// BenchmarkRenewal shows what it costs to renew one element that exists.
func BenchmarkRenewal(b *testing.B) {
	err := testbed.NewNamespace(b, "bench").Do(func() error {
		kernel := nftables.Open()
		defer func() { _ = kernel.Close() }()
		must(kernel.Replace(dynamicRuleset("one")))
		renew := func(b *testing.B) {
			e := nftables.Element{Key: keyOf(1), Timeout: time.Hour, Remaining: time.Hour}
			for b.Loop() {
				write(kernel, nftables.ElementChange{Set: "dynamic.a.ipv4", Element: e})
			}
		}
		b.Run("in place", renew)
		kernel.IgnoreRenewals()
		b.Run("by replacement", renew)
		return nil
	})
	must(err)
}
