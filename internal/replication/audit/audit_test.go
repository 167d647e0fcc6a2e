package audit

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func digest(seed uint64, table map[string]string) *Digest {
	d := New(seed)
	for key, fields := range table {
		d.Add(key, []byte(fields))
	}
	return d
}

// TestScopeHasWhatDiffers also checks that it has little else.
func TestScopeHasWhatDiffers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"", "a", "b", "ab", "ba", "aa"})
		table := rapid.MapOfN(rapid.Map(rapid.IntRange(0, 300), func(i int) string { return fmt.Sprint(i) }), text, 0, 200)
		ours := table.Draw(t, "ours")
		theirs := maps.Clone(ours)
		changed := map[string]bool{}
		for key, fields := range table.Draw(t, "changes") {
			if had, ok := theirs[key]; ok && had == fields {
				delete(theirs, key)
			} else {
				theirs[key] = fields
			}
			changed[key] = true
		}
		seed := rapid.Uint64().Draw(t, "seed")
		scope := digest(seed, ours).Differing(digest(seed, theirs).Sums())
		for key := range changed {
			if !scope.Has(key) {
				t.Fatalf("%q is not in scope", key)
			}
		}
		if scope.Len() > len(changed) {
			t.Fatalf("%d buckets in scope, %d entries changed", scope.Len(), len(changed))
		}
	})
}

func TestEqualEntriesDoNotCancelOut(t *testing.T) {
	twice, none := New(1), New(1)
	twice.Add("a", []byte("b"))
	twice.Add("a", []byte("b"))
	if scope := twice.Differing(none.Sums()); scope.Len() != 1 || !scope.Has("a") {
		t.Errorf("%d buckets differ", scope.Len())
	}
	if twice.Entries() != 2 {
		t.Errorf("%d entries", twice.Entries())
	}
}

func TestParseScope(t *testing.T) {
	s := NewScope(7)
	s.Add("a")
	s.Add("b")
	got, err := ParseScope(s.Seed(), s.Bitmap())
	if err != nil || !bytes.Equal(got.Bitmap(), s.Bitmap()) || !got.Has("a") || !got.Has("b") || got.Len() != s.Len() {
		t.Errorf("got %v, %v", got, err)
	}
	other := NewScope(7)
	other.Add("b")
	if rest := s.Without(other); !rest.Has("a") || rest.Has("b") {
		t.Error("a scope without b has b, or does not have a")
	}
	all, err := ParseScope(0, nil)
	if err != nil || !all.Has("anything") || all.Len() != Buckets || all.Bitmap() != nil || all.Seed() != 0 {
		t.Errorf("the whole table is %v, %v", all, err)
	}
	if _, err := ParseScope(7, make([]byte, 5)); err == nil {
		t.Error("5 bytes were parsed as a scope")
	}
}

func TestKeysHasOnlyAddedKeys(t *testing.T) {
	k := NewKeys()
	const n = 100_000
	for range 2 {
		for i := range n {
			k.Add(fmt.Sprint(i))
		}
	}
	for i := range n {
		if !k.Has(fmt.Sprint(i)) {
			t.Fatalf("%d is missing", i)
		}
		if k.Has(fmt.Sprint("not ", i)) {
			t.Fatalf("not %d was never added", i)
		}
	}
	if k.used != n || len(k.slots) > 4*n || slices.Index(k.slots, 0) < 0 {
		t.Errorf("%d used of %d", k.used, len(k.slots))
	}
}

func BenchmarkAdd(b *testing.B) {
	d := New(1)
	key, fields := "a connection's key of 27 byte", []byte("abc")
	for b.Loop() {
		d.Add(key, fields)
	}
}
