package table

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Batch is several changes that are written together.
type Batch struct {
	// Changes are written in order. Their revisions are ignored.
	Changes []Change
	// Replace deletes every entry whose key has the prefix and is not put by a change.
	Replace bool
	Prefix  string
	// Quota bounds the group with the prefix, to which every change belongs.
	Quota Quota
}

// Put adds or replaces an entry, with a new life.
func (t *Table) Put(e Entry) error {
	_, err := t.Update(Batch{Changes: []Change{{Entry: e}}})
	return err
}

// Delete deletes an entry. Deleting an absent one is a success.
func (t *Table) Delete(key string) error {
	_, err := t.Update(Batch{Changes: []Change{{Entry: Entry{Key: key}, Deleted: true}}})
	return err
}

// Update writes a batch: all of it, or nothing if it returns an error. It returns the revision of the table afterwards.
// Putting an equal entry without end changes nothing, and neither does deleting an absent one.
func (t *Table) Update(b Batch) (revision uint64, err error) {
	last := make(map[string]int, len(b.Changes)) // the last change of each key
	for i, c := range b.Changes {
		if err := t.checkChange(c); err != nil {
			return 0, fmt.Errorf("writing to %s: %w", t.options.Class, err)
		}
		last[c.Key] = i
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	removed := t.removedBy(b, last)
	entries, size := t.length()-len(removed), t.bytes
	for _, key := range removed {
		size -= t.history.elements[key].size()
	}
	for i, c := range b.Changes {
		if c.Deleted || last[c.Key] != i {
			continue
		}
		if old, ok := t.history.get(c.Key); ok {
			size -= old.size()
		} else {
			entries++
		}
		size += item{key: c.Key, value: c.Value}.size()
	}
	if entries > t.length() || size > t.bytes {
		if err := checkBounds(entries, size, 1); err != nil {
			return 0, fmt.Errorf("writing to %s: %w", t.options.Class, err)
		}
	}
	before := t.groups.usage(b.Prefix)
	after := Usage{Entries: before.Entries + entries - t.length(), Bytes: before.Bytes + size - t.bytes}
	if err := b.Quota.check(before, after); err != nil {
		return 0, fmt.Errorf("writing to %s: %w", t.options.Class, err)
	}
	for _, key := range removed {
		t.remove(key)
	}
	for i, c := range b.Changes {
		if !c.Deleted && last[c.Key] == i {
			t.write(c.Entry)
		}
	}
	t.notify()
	return t.history.revision, nil
}

func (t *Table) checkChange(c Change) error {
	if c.Deleted {
		return Options{MaxValue: t.options.MaxValue}.check(Entry{Key: c.Key})
	}
	return t.options.check(c.Entry)
}

// removedBy returns the keys of the entries that a batch deletes. The caller holds the lock.
func (t *Table) removedBy(b Batch, last map[string]int) []string {
	var keys []string
	for i, c := range b.Changes {
		if _, ok := t.history.get(c.Key); ok && c.Deleted && last[c.Key] == i {
			keys = append(keys, c.Key)
		}
	}
	if !b.Replace {
		return keys
	}
	named := len(keys)
	for key, e := range t.history.elements {
		if _, isNamed := last[key]; !e.isDeleted && !isNamed && strings.HasPrefix(key, b.Prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys[named:])
	return keys
}

// write puts an entry, unless an equal one without end is there. The caller holds the lock.
func (t *Table) write(e Entry) {
	i := item{key: e.Key, value: e.Value}
	if e.Life > 0 {
		i.ends, i.deadline, i.stamp = true, t.options.Now()+e.Life, rand.Uint64()
	} else if old, ok := t.history.get(e.Key); ok && !old.ends && bytes.Equal(old.value, e.Value) {
		return
	}
	t.put(i)
}
