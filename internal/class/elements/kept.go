package elements

import (
	"maps"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/nftables"
)

// maxKept bounds the elements in memory. Those beyond it are not put back.
const maxKept = 2 * MaxPerSet

// kept are the elements of the unit's sets, so that they can be put back after another program removed the table. A
// ruleset that no longer has a set does not remove the table, so its elements are not put back. PURE: it has no clock.
type kept struct {
	present known
	// removed are the sets that the present transaction has removed. If it removes the table too, they are lost.
	removed, lost known
}

func newKept() kept { return kept{present: known{}, removed: known{}, lost: known{}} }

// observe records an event. It reports whether a set appeared that lacks its elements.
func (k *kept) observe(e nftables.SetEvent, now time.Time) (isLacking bool) {
	switch e.Kind {
	case nftables.ElementAdded:
		k.note(e.Set, e.Element, now)
	case nftables.ElementRemoved:
		k.forget(e.Set, string(e.Element.Key))
	case nftables.SetAdded:
		return k.lost[e.Set] != nil
	case nftables.SetRemoved:
		if set := k.present[e.Set]; set != nil {
			k.removed[e.Set] = set
			delete(k.present, e.Set)
		}
	case nftables.TableRemoved:
		maps.Copy(k.lost, k.removed)
		maps.Copy(k.lost, k.present)
		clear(k.removed)
		clear(k.present)
	case nftables.Committed:
		clear(k.removed)
	}
	return false
}

// note records an element that the kernel has.
func (k *kept) note(name string, e nftables.Element, now time.Time) {
	set := k.present.of(name)
	if _, isThere := set.elements[string(e.Key)]; isThere || k.count() < maxKept {
		if e.Remaining > 0 {
			e.Timeout = max(e.Timeout, e.Remaining) // The notification leaves out a timeout that is the one of the set.
		}
		set.note(e, now)
	}
}

func (k *kept) count() (n int) {
	for _, all := range []known{k.present, k.removed, k.lost} {
		for _, set := range all {
			n += len(set.elements)
		}
	}
	return n
}

// forget drops an element that must not return.
func (k *kept) forget(set, key string) {
	for _, all := range []known{k.present, k.removed, k.lost} {
		if all[set] != nil {
			delete(all[set].elements, key)
		}
	}
}

// prune drops the elements for which keep returns false.
func (k *kept) prune(keep func(set, key string) bool) {
	for _, all := range []known{k.present, k.removed, k.lost} {
		for name, set := range all {
			maps.DeleteFunc(set.elements, func(key string, _ sent) bool { return !keep(name, key) })
		}
	}
}

// take returns what a set lacks that has appeared, and no longer counts it as lost.
func (k *kept) take(name string, now time.Time) (changes []nftables.ElementChange) {
	set := k.lost[name]
	delete(k.lost, name)
	if set == nil {
		return nil
	}
	for key, had := range set.elements {
		if had.hasEnded(now) {
			continue
		}
		e := nftables.Element{Key: []byte(key), Value: []byte(had.value), Timeout: had.timeout}
		if had.timeout > 0 {
			e.Remaining = had.end.Sub(now)
		}
		changes = append(changes, nftables.ElementChange{Set: name, Element: e})
	}
	return changes
}
