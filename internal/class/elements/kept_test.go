package elements

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
)

// Elements return to a set that went with its table, each with the time that is left. They do not return to a set that
// a ruleset left out, and not after somebody removed them.
func TestKeptElementsReturnWithTheirTable(t *testing.T) {
	start := time.Unix(1000, 0)
	type events = []nftables.SetEvent
	of := func(kind nftables.SetEventKind, key byte, remaining time.Duration) nftables.SetEvent {
		return nftables.SetEvent{Kind: kind, Set: "s", Element: element(key, 0, remaining)}
	}
	deleted, appeared := of(nftables.SetRemoved, 0, 0), of(nftables.SetAdded, 0, 0)
	gone, committed := nftables.SetEvent{Kind: nftables.TableRemoved}, nftables.SetEvent{Kind: nftables.Committed}
	for name, c := range map[string]struct {
		events events
		want   string
	}{
		"table removed":                  {events{deleted, gone, committed}, "1 1m30s, 3 0s"},
		"without the events of its sets": {events{gone, committed}, "1 1m30s, 3 0s"},
		"in two transactions":            {events{deleted, committed, gone, committed}, ""},
		"set removed":                    {events{deleted, committed}, ""},
		"set replaced":                   {events{deleted, appeared, committed}, ""},
		"element removed":                {events{of(nftables.ElementRemoved, 3, 0), gone}, "1 1m30s"},
		"table removed twice":            {events{gone, committed, gone, committed}, "1 1m30s, 3 0s"},
		"nothing removed":                {events{committed}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKept()
			before := events{
				of(nftables.ElementAdded, 1, 100*time.Second), of(nftables.ElementAdded, 2, 5*time.Second),
				of(nftables.ElementAdded, 3, 0),
			}
			for _, e := range append(before, c.events...) {
				if k.observe(e, start) {
					t.Errorf("elements are missing after event %+v", e)
				}
			}
			isLacking := k.observe(appeared, start)
			var got []string
			for _, change := range k.take("s", start.Add(10*time.Second)) {
				got = append(got, fmt.Sprintf("%d %v", change.Element.Key[0], change.Element.Remaining))
			}
			slices.Sort(got)
			if text := strings.Join(got, ", "); text != c.want || isLacking != (c.want != "") {
				t.Errorf("got %q and %v, want %q", text, isLacking, c.want)
			}
			if again := k.take("s", start); len(again) > 0 {
				t.Errorf("they return twice: %+v", again)
			}
		})
	}
}

// What the active removes while the table is missing does not return.
func TestForgottenElementsDoNotReturn(t *testing.T) {
	now := time.Unix(1000, 0)
	k := newKept()
	for key := range byte(3) {
		k.note("s", element(key, 0, 0), now)
	}
	k.observe(nftables.SetEvent{Kind: nftables.TableRemoved}, now)
	k.forget("s", "\x00")
	k.prune(func(set, key string) bool { return set != "s" || key != "\x01" })
	if changes := k.take("s", now); len(changes) != 1 || changes[0].Element.Key[0] != 2 {
		t.Errorf("got %+v", changes)
	}
}

func TestKeptElementsAreBounded(t *testing.T) {
	now := time.Unix(1000, 0)
	k := newKept()
	for i := range maxKept + 100 {
		k.note(fmt.Sprint("s", i%2), nftables.Element{Key: fmt.Append(nil, i)}, now)
	}
	if n := k.count(); n != maxKept {
		t.Errorf("%d elements are kept, at most %d are allowed", n, maxKept)
	}
}
