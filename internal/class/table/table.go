package table

import (
	"cmp"
	"fmt"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/notify"
	"github.com/hapair-io/hapair/internal/state"
)

// Options configure a table.
type Options struct {
	// Class is the class whose entries the table holds.
	Class state.Class
	// Now is the boot clock.
	Now func() time.Duration
	// MaxValue is the largest size of a value; 0 is the constant of that name.
	MaxValue int
	// Check returns an error for an entry that breaks a rule of the class. It may be nil.
	Check func(key string, value []byte) error
	// Applied is called after the peer has changed entries. It may be nil, and must not block.
	Applied func()
	// IsGrouped is set if several owners share the table. A key then begins with its group and a slash.
	IsGrouped bool
}

// Table is a table on one unit. Its methods are safe for concurrent use.
type Table struct {
	options Options
	wake    notify.Signal // wakes Run

	mu        sync.Mutex
	history   history
	deadlines deadlines
	bytes     int
	groups    groups
	watches   map[*Watch]struct{}
	// isActive is set while the unit is active, and isCommitted since its last commit.
	isActive, isCommitted bool
	// isReplicated is set once an engine has the class.
	isReplicated bool
}

// New returns an empty table of a unit that is not active.
func New(o Options) *Table {
	o.MaxValue = cmp.Or(o.MaxValue, MaxValue)
	return &Table{
		options: o, wake: notify.New(),
		history: history{elements: map[string]*element{}}, watches: map[*Watch]struct{}{},
		groups: groups{isGrouped: o.IsGrouped, usages: map[string]*Usage{}},
	}
}

// Class returns what the engine replicates.
func (t *Table) Class() class.Class {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.isReplicated = true
	return class.Class{ID: t.options.Class, Source: source{t}, Sink: sink{t}, Codec: codec{}}
}

// Factory returns the factory of the class. All classes that it makes share the table.
func (t *Table) Factory() class.Factory {
	return class.Factory{
		ID: t.options.Class, New: func(class.Options) (class.Class, error) { return t.Class(), nil },
	}
}

// Become sets whether this unit is active. It returns at once. A unit that is no longer active keeps its entries until
// the engine has compared them with those of the peer.
func (t *Table) Become(active bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.isActive = active
	if !active {
		t.isCommitted = false
	}
	t.wake.Notify()
}

// DropUnreplicated deletes all entries if nothing replicates the table, since they would be out of date at the next
// promotion. Call it after the unit has ceased to be active and its providers know that. A provider that takes itself
// for active does not follow its class.
func (t *Table) DropUnreplicated() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.isActive || t.isReplicated {
		return
	}
	for _, i := range t.history.live("") {
		t.remove(i.key)
	}
	t.notify()
}

// List returns the entries whose key has a prefix, and the revision of the table.
func (t *Table) List(prefix string) (entries []Change, revision uint64) {
	t.mu.Lock()
	items, revision := t.history.live(prefix), t.history.revision
	t.mu.Unlock()
	return changes(items, t.options.Now()), revision
}

// Get returns one entry.
func (t *Table) Get(key string) (Change, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e, ok := t.history.get(key)
	if !ok {
		return Change{}, false
	}
	return e.change(t.options.Now()), true
}

// Revision returns the number of changes so far.
func (t *Table) Revision() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.history.revision
}

// ChangedSince returns how many keys with a prefix have changed after a revision.
func (t *Table) ChangedSince(revision uint64, prefix string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	changed, _ := t.history.since(max(revision, t.history.forgotten), prefix)
	return len(changed)
}

// Usage returns what the entries of a group need. The prefix is that of their keys, with its slash. It is empty in a
// table without groups.
func (t *Table) Usage(prefix string) Usage {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.groups.usage(prefix)
}

// Len returns the number of entries.
func (t *Table) Len() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.length()
}

func changes(items []item, now time.Duration) []Change {
	all := make([]Change, len(items))
	for i := range items {
		all[i] = items[i].change(now)
	}
	return all
}

// The functions from here on expect their caller to hold the lock.

func (t *Table) length() int { return len(t.history.elements) - t.history.deletions }

// put makes an item the entry of its key.
func (t *Table) put(i item) {
	size, entries := i.size(), 1
	if old, ok := t.history.get(i.key); ok {
		size, entries = size-old.size(), 0
	}
	t.bytes += size
	t.deadlines.set(t.history.change(i))
	t.groups.add(i.key, entries, size, t.history.revision)
}

// remove deletes the entry with a key, if there is one.
func (t *Table) remove(key string) {
	old, ok := t.history.get(key)
	if !ok {
		return
	}
	size := old.size()
	t.bytes -= size
	t.deadlines.set(t.history.change(item{key: key, isDeleted: true}))
	t.groups.add(key, -1, -size, t.history.revision)
}

// notify wakes everything that waits for a change.
func (t *Table) notify() {
	for w := range t.watches {
		w.wake.Notify()
	}
	if len(t.watches) > 0 {
		t.history.forget(MaxEntries)
	} else {
		t.history.forgetAll()
	}
	t.wake.Notify()
}

// checkBounds returns an error if the table cannot hold so many entries and bytes.
func checkBounds(entries, bytes, factor int) error {
	if entries > factor*MaxEntries || bytes > factor*MaxBytes {
		return fmt.Errorf("%w: %d entries with %d bytes, at most %d and %d are allowed; delete entries first", ErrFull,
			entries, bytes, factor*MaxEntries, factor*MaxBytes)
	}
	return nil
}
