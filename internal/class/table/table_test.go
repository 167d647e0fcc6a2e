package table_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// id is the class of the tables under test.
const id state.Class = 200

// clock is a boot clock that the test moves.
type clock struct{ now time.Duration }

func (c *clock) time() time.Duration { return c.now }

func (c *clock) pass(d time.Duration) { c.now += d }

func newTable(c *clock) *table.Table {
	return table.New(table.Options{Class: id, Now: c.time})
}

// newPair returns tables of two units, whose boot clocks have nothing in common.
func newPair() (active, standby *table.Table, clocks [2]*clock) {
	clocks = [2]*clock{{now: time.Hour}, {now: 1000 * time.Hour}}
	active, standby = newTable(clocks[0]), newTable(clocks[1])
	active.Become(true)
	return active, standby, clocks
}

func TestContract(t *testing.T) {
	for name, life := range map[string]time.Duration{"with lives": time.Hour, "without end": 0} {
		t.Run(name, func(t *testing.T) {
			classtest.Run(t, func(t *testing.T) classtest.Pair {
				active, standby, _ := newPair()
				version := 0
				return classtest.Pair{
					Active: active.Class(), Standby: standby.Class(), Coalesces: true,
					Put: func(i int) {
						version++
						put(t, active, table.Entry{Key: fmt.Sprint(i), Value: fmt.Append(nil, version), Life: life})
					},
					Remove: func(i int) { remove(t, active, fmt.Sprint(i)) },
				}
			})
		})
	}
}

func put(t testing.TB, on *table.Table, e table.Entry) {
	t.Helper()
	if err := on.Put(e); err != nil {
		t.Fatalf("Putting %q: %v", e.Key, err)
	}
}

func remove(t testing.TB, on *table.Table, key string) {
	t.Helper()
	if err := on.Delete(key); err != nil {
		t.Fatalf("Deleting %q: %v", key, err)
	}
}

// replicate makes the table of a standby equal to that of the active, as the engine does after it has connected: it
// sends only the entries whose digests differ.
func replicate(t *testing.T, active, standby class.Class) (sent int) {
	t.Helper()
	digests := map[string]string{}
	note := func(key string, fields []byte) error { digests[key] = string(fields); return nil }
	if err := standby.Sink.Adopt(t.Context(), note); err != nil {
		t.Fatal(err)
	}
	wanted := map[string]bool{}
	if err := active.Source.Digest(t.Context(), func(key string, fields []byte) error {
		wanted[key] = digests[key] != string(fields)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var changes []state.Change
	for key, change := range classtest.Snapshot(t, active) {
		if wanted[key] {
			changes = append(changes, change)
		}
	}
	if outcome, err := standby.Sink.Apply(t.Context(), changes); err != nil || outcome.Total() > 0 {
		t.Fatalf("%v refused: %v, %v", outcome.Refused, outcome.Err, err)
	}
	isWanted := func(key string) bool { _, ok := wanted[key]; return ok }
	if err := standby.Sink.Prune(t.Context(), isWanted); err != nil {
		t.Fatal(err)
	}
	return len(changes)
}

// promote makes a standby active, as the unit does.
func promote(t *testing.T, standby *table.Table) {
	t.Helper()
	if err := standby.Class().Sink.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	standby.Become(true)
}

// lives returns what remains of the life of each entry.
func lives(on *table.Table) map[string]time.Duration {
	all := map[string]time.Duration{}
	entries, _ := on.List("")
	for _, e := range entries {
		all[e.Key] = e.Life
	}
	return all
}

func TestLifeCountsDownOnBothUnits(t *testing.T) {
	active, standby, clocks := newPair()
	put(t, active, table.Entry{Key: "lease", Life: time.Hour})
	put(t, active, table.Entry{Key: "account"})
	clocks[0].pass(10 * time.Minute)
	replicate(t, active.Class(), standby.Class())
	clocks[1].pass(20 * time.Minute)
	if got := lives(standby); got["lease"] != 30*time.Minute || got["account"] != 0 {
		t.Errorf("the standby has %v, want 30 minutes of the lease", got)
	}
	if sent := replicate(t, active.Class(), standby.Class()); sent != 0 {
		t.Errorf("%d entries differ although only time has passed", sent)
	}
}

// A renewal that the standby missed must reach it, although key and value are the same.
func TestMissedRenewalIsADifference(t *testing.T) {
	active, standby, clocks := newPair()
	put(t, active, table.Entry{Key: "lease", Value: []byte("v"), Life: time.Hour})
	replicate(t, active.Class(), standby.Class())
	clocks[0].pass(50 * time.Minute)
	clocks[1].pass(50 * time.Minute)
	put(t, active, table.Entry{Key: "lease", Value: []byte("v"), Life: time.Hour})
	if sent := replicate(t, active.Class(), standby.Class()); sent != 1 || lives(standby)["lease"] != time.Hour {
		t.Errorf("%d entries were sent; the standby has %v, want an hour", sent, lives(standby))
	}
}

// running starts a table's Run in a bubble.
func running(t *testing.T, all ...*table.Table) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); synctest.Wait() })
	for _, on := range all {
		go on.Run(ctx)
	}
}

func TestOnlyTheActiveEndsEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		fresh := func() *table.Table {
			return table.New(table.Options{Class: id, Now: func() time.Duration { return time.Since(start) }})
		}
		active, standby := fresh(), fresh()
		promote(t, active)
		running(t, active, standby)
		w, err := active.Class().Source.Watch()
		if err != nil {
			t.Fatal(err)
		}
		put(t, active, table.Entry{Key: "short", Life: time.Minute})
		put(t, active, table.Entry{Key: "long", Life: time.Hour})
		put(t, active, table.Entry{Key: "endless"})
		replicate(t, active.Class(), standby.Class())
		if batch, err := w.Receive(t.Context()); err != nil || len(batch.Changes) != 3 {
			t.Fatalf("%+v, %v", batch, err)
		}
		time.Sleep(time.Minute + time.Millisecond)
		synctest.Wait()
		batch, err := w.Receive(t.Context())
		deletion := state.Change{Class: id, Op: state.Delete, Key: "short"}
		if err != nil || len(batch.Changes) != 1 || !reflect.DeepEqual(batch.Changes[0], deletion) {
			t.Errorf("the active reports %+v, %v, want the deletion of the entry that ended", batch, err)
		}
		_ = w.Close()
		if active.Len() != 2 || standby.Len() != 3 {
			t.Errorf("the active has %v, the standby %v", lives(active), lives(standby))
		}
		// A promotion that is given up after its commit ends nothing.
		if err := standby.Class().Sink.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(table.Mercy + time.Second)
		if standby.Len() != 3 {
			t.Errorf("entries ended on a standby: %v", lives(standby))
		}
		standby.Become(false)
		// The standby takes over: it keeps the entry that has ended for a moment, and not longer.
		standby.Become(true)
		time.Sleep(table.Mercy)
		if standby.Len() != 3 {
			t.Errorf("entries ended before the commit: %v", lives(standby))
		}
		promote(t, standby)
		time.Sleep(table.Mercy - time.Second)
		synctest.Wait()
		if left := lives(standby); left["short"] != time.Second {
			t.Errorf("the new active has %v, want a second of the entry that has ended", left)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if left := lives(standby); len(left) != 2 || left["long"] > 58*time.Minute {
			t.Errorf("the new active has %v, want the other two with what remained", left)
		}
		// As standby again, it ends nothing.
		standby.Become(false)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if standby.Len() != 2 {
			t.Errorf("a standby ended entries: %v", lives(standby))
		}
	})
}

// TestFormerActiveIsReplaced plays a→b→a. What the former active wrote in vain, and what ended since, does not return.
func TestFormerActiveIsReplaced(t *testing.T) {
	a, b, clocks := newPair()
	put(t, a, table.Entry{Key: "kept", Value: []byte("1"), Life: time.Hour})
	put(t, a, table.Entry{Key: "logged-out", Value: []byte("1")})
	replicate(t, a.Class(), b.Class())
	put(t, a, table.Entry{Key: "kept", Value: []byte("lost"), Life: 2 * time.Hour})
	put(t, a, table.Entry{Key: "in-vain", Value: []byte("1")})

	promote(t, b)
	a.Become(false)
	remove(t, b, "logged-out")
	put(t, b, table.Entry{Key: "kept", Value: []byte("lost"), Life: time.Minute})
	put(t, b, table.Entry{Key: "new", Value: []byte("1")})
	replicate(t, b.Class(), a.Class())
	if got := lives(a); len(got) != 2 || got["new"] != 0 || got["kept"] != time.Minute {
		t.Errorf("the former active has %v, want what the new one has", got)
	}

	clocks[0].pass(30 * time.Second)
	promote(t, a)
	b.Become(false)
	put(t, a, table.Entry{Key: "kept", Value: []byte("lost"), Life: time.Hour})
	replicate(t, a.Class(), b.Class())
	if got := lives(b); got["kept"] != time.Hour {
		t.Errorf("after the second failover the standby has %v, want an hour", got)
	}
}

func TestUnreplicatedEntriesEndWithTheRole(t *testing.T) {
	alone := newTable(&clock{})
	alone.Become(true)
	put(t, alone, table.Entry{Key: "a"})
	w := alone.Watch("")
	defer w.Close()
	if all, _, err := w.Next(t.Context()); err != nil || len(all) != 1 {
		t.Fatalf("%v, %v", all, err)
	}
	alone.Become(false)
	alone.DropUnreplicated()
	if all, _, err := w.Next(t.Context()); err != nil || len(all) != 1 || !all[0].Deleted || alone.Len() != 0 {
		t.Errorf("got %+v, %v, and %d entries remain", all, err, alone.Len())
	}
}

func isQuota(err error) bool {
	var quota *table.QuotaError
	return errors.As(err, &quota)
}

// Classes of several owners share a table, and one must not fill it for the others.
func TestQuotaBoundsAGroup(t *testing.T) {
	on := table.New(table.Options{Class: id, Now: (&clock{}).time, IsGrouped: true})
	write := func(prefix string, q table.Quota, keys ...string) error {
		b := table.Batch{Prefix: prefix, Quota: q}
		for _, key := range keys {
			b.Changes = append(b.Changes, table.Change{Entry: table.Entry{Key: prefix + key, Value: []byte("12345678")}})
		}
		_, err := on.Update(b)
		return err
	}
	two := table.Quota{Entries: 2, Bytes: table.MaxBytes}
	if err := write("a/", two, "1", "2"); err != nil {
		t.Fatal(err)
	}
	if err := write("a/", two, "3"); !isQuota(err) || on.Len() != 2 {
		t.Errorf("a third entry: %v, and %d entries", err, on.Len())
	}
	if err := write("b/", two, "1"); err != nil {
		t.Errorf("the other group is refused: %v", err)
	}
	if err := write("a/", two, "2"); err != nil {
		t.Errorf("an entry that exists cannot be replaced: %v", err)
	}
	if err := write("b/", table.Quota{Entries: 9, Bytes: 300}, "2"); !isQuota(err) {
		t.Errorf("too many bytes: %v", err)
	}
	// A quota that was lowered keeps what is there.
	one := table.Quota{Entries: 1, Bytes: 100}
	if err := write("a/", one, "2"); err != nil {
		t.Errorf("an entry of a group that is too large cannot be replaced: %v", err)
	}
	remove(t, on, "a/1")
	remove(t, on, "a/2")
	if got := on.Usage("a/"); got.Entries != 0 || got.Bytes != 0 || got.Revision == 0 {
		t.Errorf("the empty group has %+v", got)
	}
}

func TestBounds(t *testing.T) {
	on := newTable(&clock{})
	for name, c := range map[string]struct {
		entry table.Entry
		want  error
	}{
		"no key":          {table.Entry{}, table.ErrInvalid},
		"a long key":      {table.Entry{Key: strings.Repeat("k", table.MaxKey+1)}, table.ErrTooLarge},
		"a large value":   {table.Entry{Key: "k", Value: make([]byte, table.MaxValue+1)}, table.ErrTooLarge},
		"a negative life": {table.Entry{Key: "k", Life: -1}, table.ErrInvalid},
		"a long life":     {table.Entry{Key: "k", Life: table.MaxLife + 1}, table.ErrInvalid},
		"the largest": {table.Entry{
			Key: strings.Repeat("k", table.MaxKey), Value: make([]byte, table.MaxValue), Life: table.MaxLife,
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if err := on.Put(c.entry); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func TestFullTable(t *testing.T) {
	active, standby, _ := newPair()
	all := make([]table.Change, table.MaxEntries)
	for i := range all {
		all[i].Key = fmt.Sprint(i)
	}
	if _, err := active.Update(table.Batch{Changes: all}); err != nil {
		t.Fatal(err)
	}
	if err := active.Put(table.Entry{Key: "one too many"}); !errors.Is(err, table.ErrFull) {
		t.Errorf("got %v, want %v", err, table.ErrFull)
	}
	put(t, active, table.Entry{Key: "5", Value: []byte("changed")})
	replicate(t, active.Class(), standby.Class())
	w := classtest.Watch(t, active.Class())
	// The last changes of the keys are the put of "new", the deletion of 2, and the put of 1.
	remove(t, active, "1")
	put(t, active, table.Entry{Key: "new"})
	remove(t, active, "2")
	put(t, active, table.Entry{Key: "1", Value: []byte("again")})
	batch, err := w.Receive(t.Context())
	if err != nil || len(batch.Changes) != 3 {
		t.Fatalf("%+v, %v", batch, err)
	}
	for _, change := range batch.Changes { // one by one, as in frames of their own
		outcome, err := standby.Class().Sink.Apply(t.Context(), []state.Change{change})
		if err != nil || outcome.Total() > 0 {
			t.Errorf("%q: %v refused: %v, %v", change.Key, outcome.Refused, outcome.Err, err)
		}
	}
	if standby.Len() != table.MaxEntries {
		t.Errorf("the standby has %d entries, want %d", standby.Len(), table.MaxEntries)
	}
}

func TestFullOfBytes(t *testing.T) {
	on := newTable(&clock{})
	value := make([]byte, table.MaxValue)
	var err error
	n := 0
	for ; err == nil; n++ {
		err = on.Put(table.Entry{Key: fmt.Sprint(n), Value: value})
	}
	if !errors.Is(err, table.ErrFull) || n < 7000 || n > table.MaxBytes/table.MaxValue {
		t.Errorf("%d entries, %v", n, err)
	}
	put(t, on, table.Entry{Key: "0"})
	if err := on.Put(table.Entry{Key: "small enough now", Value: value[:100]}); err != nil {
		t.Error(err)
	}
}

func TestBatchIsWrittenWholeOrNotAtAll(t *testing.T) {
	on := newTable(&clock{})
	put(t, on, table.Entry{Key: "a/1"})
	put(t, on, table.Entry{Key: "b/1"})
	w := on.Watch("")
	defer w.Close()
	if _, _, err := w.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	bad := table.Batch{Replace: true, Changes: []table.Change{{Entry: table.Entry{Key: "a/2"}}, {}}}
	if _, err := on.Update(bad); !errors.Is(err, table.ErrInvalid) || on.Len() != 2 {
		t.Errorf("got %v, and %d entries", err, on.Len())
	}
	good := table.Batch{Replace: true, Prefix: "a/", Changes: []table.Change{
		{Entry: table.Entry{Key: "a/2"}},
		{Entry: table.Entry{Key: "a/3"}},
		{Entry: table.Entry{Key: "a/3"}, Deleted: true},
		{Entry: table.Entry{Key: "a/4"}, Deleted: true},
		{Entry: table.Entry{Key: "a/4", Value: []byte("v")}},
	}}
	if _, err := on.Update(good); err != nil {
		t.Fatal(err)
	}
	left := lives(on)
	for _, key := range []string{"b/1", "a/2", "a/4"} {
		if _, ok := left[key]; !ok || len(left) != 3 {
			t.Errorf("%s is missing in %v", key, left)
		}
	}
	changed, _, err := w.Next(t.Context())
	if err != nil || len(changed) != 3 || !changed[0].Deleted || changed[0].Key != "a/1" {
		t.Errorf("the watch has %+v, %v, want the deletion and two entries", changed, err)
	}
}

func TestSlowWatchIsOverrunByDeletions(t *testing.T) {
	on := newTable(&clock{})
	slow, engine := on.Watch(""), classtest.Watch(t, on.Class())
	defer slow.Close()
	if _, _, err := slow.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range table.MaxEntries + 1 {
		put(t, on, table.Entry{Key: fmt.Sprint(i)})
		remove(t, on, fmt.Sprint(i))
	}
	if _, _, err := slow.Next(t.Context()); !errors.Is(err, table.ErrOverrun) {
		t.Errorf("got %v, want an overrun", err)
	}
	request := engine.Drain()
	if _, err := engine.Receive(t.Context()); !errors.Is(err, class.ErrOverrun) {
		t.Errorf("got %v, want an overrun", err)
	}
	if batch, err := engine.Receive(t.Context()); err != nil || batch.Drained != request {
		t.Errorf("got %+v, %v, want the answer to the drain", batch, err)
	}
}

func TestEqualEntriesAreNoChange(t *testing.T) {
	on := newTable(&clock{})
	put(t, on, table.Entry{Key: "a", Value: []byte("v")})
	_, before := on.List("")
	put(t, on, table.Entry{Key: "a", Value: []byte("v")})
	remove(t, on, "b")
	if _, after := on.List(""); after != before {
		t.Errorf("revision %d became %d", before, after)
	}
	put(t, on, table.Entry{Key: "a", Value: []byte("v"), Life: time.Second})
	if e, ok := on.Get("a"); !ok || e.Revision == before || e.Life != time.Second {
		t.Errorf("the entry is %+v", e)
	}
}

func TestMalformedRecordsAreRefused(t *testing.T) {
	active, standby, _ := newPair()
	put(t, active, table.Entry{Key: "a", Value: []byte("v"), Life: time.Second})
	good := classtest.Snapshot(t, active.Class())["a"]
	for name, change := range map[string]func(*state.Change){
		"truncated":       func(c *state.Change) { c.Record = c.Record[:13] },
		"a newer version": func(c *state.Change) { c.Record[0] = 2 },
		"unknown flags":   func(c *state.Change) { c.Record[1] |= 2 },
		"a stray life":    func(c *state.Change) { c.Record[1] = 0 },
		"no key":          func(c *state.Change) { c.Key = "" },
		"a long key":      func(c *state.Change) { c.Key = strings.Repeat("k", table.MaxKey+1) },
		"a large value":   func(c *state.Change) { c.Record = append(c.Record, make([]byte, table.MaxValue)...) },
	} {
		t.Run(name, func(t *testing.T) {
			bad := good
			bad.Record = slices.Clone(good.Record)
			change(&bad)
			outcome, err := standby.Class().Sink.Apply(t.Context(), []state.Change{bad})
			if err != nil || outcome.Refused != [class.Refusals]int{class.Malformed: 1} || standby.Len() != 0 {
				t.Errorf("%v refused: %v, %v; %d entries", outcome.Refused, outcome.Err, err, standby.Len())
			}
		})
	}
}

func TestSinkIsBounded(t *testing.T) {
	active, standby, _ := newPair()
	put(t, active, table.Entry{Key: "a"})
	change := classtest.Snapshot(t, active.Class())["a"]
	refused := 0
	for i := range 2*table.MaxEntries + 10 {
		change.Key = fmt.Sprint(i)
		outcome, err := standby.Class().Sink.Apply(t.Context(), []state.Change{change})
		if err != nil {
			t.Fatal(err)
		}
		refused += outcome.Refused[class.Full]
	}
	if refused != 10 {
		t.Errorf("%d entries were refused, want 10", refused)
	}
}

func TestKeptValuesAreNotShared(t *testing.T) {
	active, standby, _ := newPair()
	put(t, active, table.Entry{Key: "a", Value: []byte("value")})
	change := classtest.Snapshot(t, active.Class())["a"]
	if _, err := standby.Class().Sink.Apply(t.Context(), []state.Change{change}); err != nil {
		t.Fatal(err)
	}
	clear(change.Record)
	if e, _ := standby.Get("a"); !bytes.Equal(e.Value, []byte("value")) {
		t.Errorf("the value is %q", e.Value)
	}
}
