package table_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/class/table"
)

// twin is the simplest table: a map, and a list of everything that happened.
type twin struct {
	entries map[string]twinEntry
	log     []string // keys in the order of their changes
}

type twinEntry struct {
	value string
	ends  time.Duration // 0 for no end
}

func (w *twin) put(key string, e twinEntry) {
	if old, ok := w.entries[key]; ok && e.ends == 0 && old == e {
		return
	}
	w.entries[key] = e
	w.log = append(w.log, key)
}

func (w *twin) remove(key string) {
	if _, ok := w.entries[key]; ok {
		delete(w.entries, key)
		w.log = append(w.log, key)
	}
}

// changedSince returns the keys that changed after a position of the log, in the order of their last change.
func (w *twin) changedSince(position int, prefix string) []string {
	var keys []string
	for _, key := range w.log[position:] {
		if i := slices.Index(keys, key); i >= 0 {
			keys = slices.Delete(keys, i, i+1)
		}
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	return keys
}

// usage returns the entries of a group, and the position in the log of its last change.
func (w *twin) usage(prefix string) (u table.Usage) {
	for key := range w.entries {
		if strings.HasPrefix(key, prefix) {
			u.Entries++
		}
	}
	for i, key := range w.log {
		if strings.HasPrefix(key, prefix) {
			u.Revision = uint64(i + 1)
		}
	}
	return u
}

// TestTwins plays random writes on an active, with watches that read at random times, and compares every result with
// the naive twin.
func TestTwins(t *testing.T) {
	key := rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"a/", "b/"}).Draw(t, "prefix") + fmt.Sprint(rapid.IntRange(0, 5).Draw(t, "number"))
	})
	value := rapid.SampledFrom([]string{"", "1", "2"})
	life := rapid.SampledFrom([]time.Duration{0, 0, time.Second, time.Minute})
	rapid.Check(t, func(t *rapid.T) {
		c := &clock{now: time.Hour}
		on := table.New(table.Options{Class: id, Now: c.time, IsGrouped: true})
		naive := &twin{entries: map[string]twinEntry{}}
		type reader struct {
			*table.Watch
			prefix string
			seen   int
		}
		var readers []*reader
		defer func() {
			for _, r := range readers {
				r.Close()
			}
		}()
		entry := func(key string) (table.Entry, twinEntry) {
			v, l := value.Draw(t, "value"), life.Draw(t, "life")
			e := twinEntry{value: v}
			if l > 0 {
				e.ends = c.now + l
			}
			return table.Entry{Key: key, Value: []byte(v), Life: l}, e
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				e, plain := entry(key.Draw(t, "key"))
				if err := on.Put(e); err != nil {
					t.Fatal(err)
				}
				naive.put(e.Key, plain)
			},
			"delete": func(t *rapid.T) {
				k := key.Draw(t, "key")
				if err := on.Delete(k); err != nil {
					t.Fatal(err)
				}
				naive.remove(k)
			},
			"replace": func(t *rapid.T) {
				b := table.Batch{Replace: true, Prefix: rapid.SampledFrom([]string{"", "a/"}).Draw(t, "prefix")}
				plain := map[string]twinEntry{}
				keys := rapid.SliceOfNDistinct(key, 0, 4, rapid.ID[string]).Draw(t, "keys")
				for _, k := range keys {
					e, p := entry(k)
					b.Changes, plain[k] = append(b.Changes, table.Change{Entry: e}), p
				}
				if _, err := on.Update(b); err != nil {
					t.Fatal(err)
				}
				for _, k := range slices.Sorted(maps.Keys(naive.entries)) {
					if _, named := plain[k]; !named && strings.HasPrefix(k, b.Prefix) {
						naive.remove(k)
					}
				}
				for _, k := range keys {
					naive.put(k, plain[k])
				}
			},
			"watch": func(t *rapid.T) {
				prefix := rapid.SampledFrom([]string{"", "b/"}).Draw(t, "prefix")
				r := &reader{Watch: on.Watch(prefix), prefix: prefix, seen: len(naive.log)}
				readers = append(readers, r)
				all, _, err := r.Next(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				for k := range naive.entries {
					if strings.HasPrefix(k, prefix) && !slices.ContainsFunc(all, func(c table.Change) bool { return c.Key == k }) {
						t.Fatalf("the list lacks %s", k)
					}
				}
			},
			"read": func(t *rapid.T) {
				if len(readers) == 0 {
					t.Skip("no watch")
				}
				r := rapid.SampledFrom(readers).Draw(t, "watch")
				want := naive.changedSince(r.seen, r.prefix)
				r.seen = len(naive.log)
				ended, cancel := context.WithCancel(context.Background())
				cancel()
				got, _, err := r.Next(ended)
				if err != nil && len(want) > 0 {
					t.Fatalf("%v, want the changes of %v", err, want)
				}
				compare(t, naive, got, want, c.now)
			},
			"time": func(t *rapid.T) { c.pass(rapid.SampledFrom([]time.Duration{1, time.Second}).Draw(t, "time")) },
			"": func(t *rapid.T) {
				all, _ := on.List("")
				if len(all) != len(naive.entries) || on.Len() != len(all) {
					t.Fatalf("%d entries, want %d", len(all), len(naive.entries))
				}
				for _, prefix := range []string{"a/", "b/"} {
					if got, want := on.Usage(prefix), naive.usage(prefix); got.Entries != want.Entries ||
						got.Revision != want.Revision {
						t.Fatalf("group %s has %+v, want %+v", prefix, got, want)
					}
				}
				if a, b := on.Usage("a/"), on.Usage("b/"); (a.Bytes+b.Bytes == 0) != (len(all) == 0) {
					t.Fatalf("%d entries have %d bytes", len(all), a.Bytes+b.Bytes)
				}
				for _, got := range all {
					compare(t, naive, []table.Change{got}, []string{got.Key}, c.now)
				}
			},
		})
	})
}

// compare checks that changes are those of the keys, in order, with the content of the twin.
func compare(t *rapid.T, naive *twin, got []table.Change, keys []string, now time.Duration) {
	t.Helper()
	if len(got) != len(keys) {
		t.Fatalf("%+v, want the changes of %v", got, keys)
	}
	for i, change := range got {
		want, exists := naive.entries[keys[i]]
		life := time.Duration(0)
		if want.ends > 0 {
			life = max(want.ends-now, time.Millisecond)
		}
		if change.Key != keys[i] || change.Deleted == exists ||
			exists && (!bytes.Equal(change.Value, []byte(want.value)) || change.Life != life) {
			t.Fatalf("change %d is %+v, want %s to be %+v (it exists: %v)", i, change, keys[i], want, exists)
		}
	}
}
