package vpncounters

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/xfrm"
	"github.com/hapair-io/hapair/internal/state"
)

// maxRecords bounds the SAs of the class. Each tunnel has two, and two more while its keys change.
const maxRecords = 4096

// kernel reads and writes the counters of the unit's SAs.
type kernel interface {
	List() ([]xfrm.SA, error)
	Read(ids []xfrm.ID) ([]xfrm.Result, error)
	Write(all []xfrm.SA) ([]xfrm.Result, error)
	Remove(ids []xfrm.ID) ([]xfrm.Result, error)
}

// table has the counters of the SAs on one unit. On the active they follow the kernel. On the standby they are what the
// active sent, and the kernel's follow them.
type table struct {
	kernel kernel
	now    func() time.Duration
	// repeatAfter is the time after which a record is sent again although it has not changed; 0 for never.
	repeatAfter time.Duration

	mu      sync.Mutex
	records map[xfrm.ID]xfrm.Counters
	// present are the SAs that the kernel has, and whether their numbers have 64 bits.
	present map[xfrm.ID]bool
	watches map[*watch]struct{}
	// isStandby is set while the records are those of the active.
	isStandby bool
	// heardAt is when the active was heard last; nil if it never was.
	heardAt *time.Duration
	// mustRefresh is set until the records follow the last change of the SAs.
	mustRefresh bool
	// failed is what the goroutine that follows the kernel could not do. It is reported once.
	failed error
	promotion
	repetition
}

// repetition sends records again, one after the other.
type repetition struct {
	sentAt time.Duration
	next   int
}

func newTable(k kernel, now func() time.Duration) *table {
	return &table{
		kernel: k, now: now, records: map[xfrm.ID]xfrm.Counters{}, present: map[xfrm.ID]bool{},
		watches: map[*watch]struct{}{},
	}
}

// refresh brings the records of an active up to date with all SAs of the kernel. On a standby, it writes the records to
// SAs that have appeared. The caller holds the lock.
func (t *table) refresh() error {
	if t.mustAdvance {
		if err := t.advanceAll(); err != nil {
			return err
		}
	}
	all, err := t.kernel.List()
	if err != nil {
		return err
	}
	before := t.present
	t.present = make(map[xfrm.ID]bool, len(all))
	var added []xfrm.SA
	for _, sa := range all {
		t.present[sa.ID] = sa.Extended
		if _, wasPresent := before[sa.ID]; !wasPresent {
			added = append(added, sa)
		}
	}
	if err := t.adjust(added, all); err != nil {
		t.present = before // So that the next refresh tries again.
		return err
	}
	if t.isStandby {
		return nil
	}
	for _, sa := range all {
		t.learn(sa.ID, sa.Counters)
	}
	for id := range t.records {
		if _, isPresent := t.present[id]; !isPresent {
			t.forget(id)
		}
	}
	return nil
}

// adjust sets the counters of SAs that have appeared.
func (t *table) adjust(added, all []xfrm.SA) error {
	if t.isStandby {
		return t.write(added)
	}
	return t.advanceLate(added, all)
}

// poll brings the records of an active up to date with the SAs that are known. The caller holds the lock.
func (t *table) poll() error {
	if t.isStandby || len(t.watches) == 0 || len(t.records) == 0 {
		return nil
	}
	ids := t.sorted()
	results, err := t.kernel.Read(ids)
	if err != nil {
		return err
	}
	for i, result := range results {
		if result.Err == nil { // One that is gone is an event, after which the SAs are listed.
			t.learn(ids[i], result.Counters)
		}
	}
	t.repeat(ids)
	return nil
}

// repeat sends one record again, so that the standby hears that it misses nothing.
func (t *table) repeat(ids []xfrm.ID) {
	r := &t.repetition
	if t.repeatAfter == 0 || t.now()-r.sentAt < t.repeatAfter {
		return
	}
	r.sentAt = t.now()
	r.next = (r.next + 1) % len(ids)
	t.notify(upsert(ids[r.next], t.records[ids[r.next]]))
}

func upsert(id xfrm.ID, c xfrm.Counters) state.Change {
	return state.Change{Class: state.VPNCounters, Op: state.Upsert, Key: encodeKey(id), Record: encode(c)}
}

// learn records the counters of an SA.
func (t *table) learn(id xfrm.ID, c xfrm.Counters) {
	known, isKnown := t.records[id]
	if isKnown && known.Equal(c) || !isKnown && len(t.records) >= maxRecords {
		return
	}
	t.records[id] = c
	t.notify(upsert(id, c))
}

func (t *table) forget(id xfrm.ID) {
	delete(t.records, id)
	t.notify(state.Change{Class: state.VPNCounters, Op: state.Delete, Key: encodeKey(id)})
}

func (t *table) notify(change state.Change) {
	for w := range t.watches {
		w.add(change)
	}
}

// write gives SAs of a standby the counters of their records.
func (t *table) write(all []xfrm.SA) error {
	var wanted []xfrm.SA
	for _, sa := range all {
		if received, isKnown := t.records[sa.ID]; isKnown {
			sa.Counters = combine(sa, received)
			wanted = append(wanted, sa)
		}
	}
	refused, err := t.set(wanted)
	for _, r := range refused {
		err = errors.Join(err, r.err)
	}
	return err
}

// refusal is an SA whose counters the kernel did not set.
type refusal struct {
	sa  xfrm.SA
	err error
}

// set sets the counters of SAs. One that does not exist any more is not refused.
func (t *table) set(wanted []xfrm.SA) (refused []refusal, err error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	results, err := t.kernel.Write(wanted)
	if err != nil {
		return nil, err
	}
	for i, result := range results {
		if result.Err != nil && !errors.Is(result.Err, unix.ESRCH) {
			refused = append(refused, refusal{wanted[i], fmt.Errorf("setting the counters of %s: %w", wanted[i].ID, result.Err)})
		}
	}
	return refused, nil
}

// sorted returns the SAs of all records.
func (t *table) sorted() []xfrm.ID {
	ids := make([]xfrm.ID, 0, len(t.records))
	for id := range t.records {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b xfrm.ID) int {
		return cmp.Or(a.Destination.Compare(b.Destination), cmp.Compare(a.SPI, b.SPI))
	})
	return ids
}
