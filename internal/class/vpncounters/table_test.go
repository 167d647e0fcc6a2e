package vpncounters

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/kernel/xfrm"
	"github.com/hapair-io/hapair/internal/state"
)

// unit is a table with a kernel in memory.
type unit struct {
	*table
	*memory
	class.Class
	t     *testing.T
	clock time.Duration
}

func newUnit(t *testing.T) *unit {
	t.Helper()
	u := &unit{memory: &memory{sas: map[xfrm.ID]xfrm.SA{}}, t: t}
	u.table = newTable(u.memory, func() time.Duration { return u.clock })
	u.Class = u.class(nil)
	return u
}

// event reports a change of the SAs, as the kernel does.
func (u *unit) event() {
	u.t.Helper()
	if err := u.look(true); err != nil {
		u.t.Fatal(err)
	}
}

func idOf(i int) xfrm.ID {
	destination := netip.MustParseAddr([...]string{"203.0.113.9", "2001:db8::9"}[i%2])
	return xfrm.ID{Destination: destination, SPI: uint32(0x1000 + i)}
}

// install adds an SA, as the IKE daemon does.
func (u *unit) install(i int, sent uint64) {
	u.t.Helper()
	u.sas[idOf(i)] = xfrm.SA{ID: idOf(i), Counters: xfrm.Counters{Sent: sent, Seen: []uint32{0}, Legacy: true}}
	u.event()
}

func (u *unit) receiveOn(i int, received uint64, seen uint32) {
	u.t.Helper()
	u.sas[idOf(i)] = xfrm.SA{ID: idOf(i), Counters: xfrm.Counters{Received: received, Seen: []uint32{seen}, Legacy: true}}
	u.event()
}

func (u *unit) uninstall(i int) {
	u.t.Helper()
	delete(u.sas, idOf(i))
	u.event()
}

// send writes what the active has to the standby.
func (u *unit) send(to *unit) {
	u.t.Helper()
	classtest.Replicate(u.t, u.Class, to.Class)
}

func (u *unit) promoted() {
	u.t.Helper()
	if err := u.Promote(u.t.Context()); err != nil {
		u.t.Fatal(err)
	}
}

func (u *unit) wantSent(i int, want uint64) {
	u.t.Helper()
	if got := u.sas[idOf(i)].Counters.Sent; got != want {
		u.t.Errorf("SA %d has sent %d, want %d", i, got, want)
	}
}

// memory is a kernel.
type memory struct {
	sas map[xfrm.ID]xfrm.SA
	// refused are the SAs whose counters cannot be set.
	refused []xfrm.ID
	writes  int
	// silent is set while writes are not answered.
	silent bool
}

var errSilent = errors.New("the kernel does not answer")

func (m *memory) List() (all []xfrm.SA, err error) {
	for _, sa := range m.sas {
		sa.Counters.Seen = slices.Clone(sa.Counters.Seen)
		all = append(all, sa)
	}
	return all, nil
}

func (m *memory) Read(ids []xfrm.ID) ([]xfrm.Result, error) {
	return answer(ids, func(id xfrm.ID) xfrm.Result {
		sa, ok := m.sas[id]
		if !ok {
			return xfrm.Result{Err: unix.ESRCH}
		}
		return xfrm.Result{Counters: sa.Counters}
	})
}

func (m *memory) Write(all []xfrm.SA) ([]xfrm.Result, error) {
	m.writes++
	if m.silent {
		return nil, errSilent
	}
	return answer(all, func(wanted xfrm.SA) xfrm.Result {
		sa, ok := m.sas[wanted.ID]
		switch {
		case !ok:
			return xfrm.Result{Err: unix.ESRCH}
		case slices.Contains(m.refused, wanted.ID) || !sa.Counters.HasShapeOf(wanted.Counters):
			return xfrm.Result{Err: unix.EINVAL}
		}
		sa.Counters = wanted.Counters
		m.sas[wanted.ID] = sa
		return xfrm.Result{}
	})
}

func (m *memory) Remove(ids []xfrm.ID) ([]xfrm.Result, error) {
	return answer(ids, func(id xfrm.ID) xfrm.Result {
		delete(m.sas, id)
		return xfrm.Result{}
	})
}

func answer[T any](all []T, of func(T) xfrm.Result) (results []xfrm.Result, err error) {
	for _, one := range all {
		results = append(results, of(one))
	}
	return results, nil
}

func TestContract(t *testing.T) {
	classtest.Run(t, func(t *testing.T) classtest.Pair {
		active, standby := newUnit(t), newUnit(t)
		version := uint64(0)
		return classtest.Pair{
			Active: active.Class, Standby: standby.Class,
			Put:    func(i int) { version++; active.install(i, version) },
			Remove: active.uninstall,
			Overrun: func() {
				for i := range maxPending + 1 {
					active.install(0, uint64(100+i))
				}
				active.uninstall(0)
			},
		}
	})
}

func TestStandbyHasTheCounters(t *testing.T) {
	active, standby := newUnit(t), newUnit(t)
	active.install(1, 100)
	active.receiveOn(2, 50, 0xff)
	standby.install(1, 0)
	active.send(standby)
	standby.wantSent(1, 100)
	standby.install(2, 0) // The daemon can be slower than the stream.
	if got := standby.sas[idOf(2)].Counters; got.Received != 50 || got.Seen[0] != 0xff {
		t.Errorf("a late SA has %+v, want what the active has received", got)
	}
	active.install(1, 90) // It can never send less, but a repeated message may be older.
	active.send(standby)
	standby.wantSent(1, 100)
}

func TestPromotionAdvancesInOneWrite(t *testing.T) {
	active, standby := newUnit(t), newUnit(t)
	for i := range 100 {
		active.install(i, uint64(i))
		standby.install(i, 0)
	}
	active.receiveOn(100, 50, 0xff)
	standby.receiveOn(100, 0, 0)
	active.send(standby)
	standby.clock += maxSilence
	standby.writes = 0
	standby.promoted()
	if standby.writes != 1 {
		t.Errorf("%d writes, want 1", standby.writes)
	}
	for i := range 100 {
		standby.wantSent(i, uint64(i)+step)
	}
	if got := standby.sas[idOf(100)].Counters; got.Received != 50 || got.Sent != 0 {
		t.Errorf("the inbound SA has %+v, want it unchanged", got)
	}
	standby.promoted() // It is harmless to repeat it.
	standby.wantSent(1, 1+2*step)
}

// A unit that does not know enough sends nothing with an SA.
func TestUnknownCountersAreSpent(t *testing.T) {
	t.Run("of an SA that the active has not sent", func(t *testing.T) {
		active, standby := newUnit(t), newUnit(t)
		active.install(1, 100)
		active.send(standby)
		standby.install(1, 0)
		standby.install(3, 0)
		standby.promoted()
		standby.wantSent(1, 100+step)
		standby.wantSent(3, last32)
	})
	t.Run("of an active that was silent", func(t *testing.T) {
		active, standby := newUnit(t), newUnit(t)
		active.install(1, 100)
		standby.install(1, 0)
		active.send(standby)
		standby.clock += maxSilence + 1
		standby.promoted()
		standby.wantSent(1, last32)
	})
	t.Run("of a unit that starts", func(t *testing.T) {
		u := newUnit(t)
		u.install(1, 100)
		u.promoted()
		u.wantSent(1, last32)
	})
	t.Run("of an SA with too few numbers left", func(t *testing.T) {
		active, standby := newUnit(t), newUnit(t)
		active.install(1, last32-step)
		standby.install(1, 0)
		active.send(standby)
		standby.promoted()
		standby.wantSent(1, last32)
	})
}

// The daemon of a new active may still install SAs that the other unit has described.
func TestLateSAsAreAdvanced(t *testing.T) {
	active, standby := newUnit(t), newUnit(t)
	active.install(1, 100)
	active.send(standby)
	standby.promoted()
	standby.install(1, 0)
	standby.wantSent(1, 100+step)
	standby.install(3, 0)
	standby.wantSent(3, step)
	standby.clock += lateFor + 1
	standby.install(5, 0)
	standby.wantSent(5, 0)
}

// A late SA is advanced by the next look if the kernel does not answer the first one.
func TestLateSAIsTriedAgain(t *testing.T) {
	u := newUnit(t)
	u.promoted()
	u.sas[idOf(1)] = xfrm.SA{ID: idOf(1), Counters: xfrm.Counters{Seen: []uint32{0}, Legacy: true}}
	u.silent = true
	if err := u.look(true); !errors.Is(err, errSilent) {
		t.Errorf("got %v, want the kernel's silence", err)
	}
	u.silent = false
	if err := u.look(false); err != nil {
		t.Fatal(err)
	}
	u.wantSent(1, step)
	u.event()
	u.wantSent(1, step)
}

// A promotion continues after its last try, also if the kernel did not answer. The numbers are then advanced later.
func TestFailedPromotionIsTriedAgain(t *testing.T) {
	active, standby := newUnit(t), newUnit(t)
	active.install(1, 100)
	active.send(standby)
	standby.install(1, 0)
	standby.install(3, 0)
	standby.silent = true
	if err := standby.Promote(t.Context()); !errors.Is(err, errSilent) {
		t.Errorf("got %v, want the kernel's silence", err)
	}
	if err := standby.look(false); !errors.Is(err, errSilent) {
		t.Errorf("got %v at the next look, want the kernel's silence", err)
	}
	standby.silent = false
	for range 2 {
		if err := standby.look(false); err != nil {
			t.Fatal(err)
		}
		standby.wantSent(1, 100+step)
		standby.wantSent(3, last32)
	}
}

func TestSARefusedByTheKernelIsRemoved(t *testing.T) {
	active, standby := newUnit(t), newUnit(t)
	active.install(1, 100)
	active.install(3, 100)
	standby.install(1, 0)
	standby.install(3, 0)
	active.send(standby)
	standby.refused = []xfrm.ID{idOf(1)}
	if err := standby.Promote(t.Context()); !errors.Is(err, unix.EINVAL) {
		t.Errorf("got %v, want the kernel's error", err)
	}
	if _, exists := standby.sas[idOf(1)]; exists {
		t.Error("an SA whose numbers could not be advanced is left")
	}
	standby.wantSent(3, 100+step)
}

// After two changes of the active, the first unit has numbers beyond those of both.
func TestNumbersGrowWithEachChangeOfTheActive(t *testing.T) {
	units := []*unit{newUnit(t), newUnit(t)}
	units[0].install(1, 0)
	units[1].install(1, 0)
	used := uint64(0)
	for i := range 100 {
		active, standby := units[i%2], units[(i+1)%2]
		sent := active.sas[idOf(1)].Counters.Sent
		if sent < used {
			t.Fatalf("after %d changes, the active continues after %d, but %d was used", i, sent, used)
		}
		active.install(1, sent+1000)
		active.send(standby)
		active.install(1, sent+1500) // The standby does not hear of these.
		used = sent + 1500
		if err := standby.Sink.Adopt(t.Context(), func(string, []byte) error { return nil }); err != nil {
			t.Fatal(err)
		}
		standby.promoted()
	}
	if got, want := units[0].sas[idOf(1)].Counters.Sent, uint64(100*step); got < want {
		t.Errorf("after 100 changes, the number is %d, want at least %d", got, want)
	}
}

// Both units have the same SAs, and the standby heard nothing for a while. The next session brings all numbers.
func TestSessionBeginsWithAllNumbers(t *testing.T) {
	active, standby := newUnit(t), newUnit(t)
	for i := range 2 {
		active.install(i, 100)
	}
	active.send(standby)
	for i := range 2 {
		standby.install(i, 0)
		active.install(i, 100+2*step)
	}
	classtest.Apply(t, standby.Class, classtest.Drain(t, classtest.Watch(t, active.Class)))
	standby.promoted()
	for i := range 2 {
		standby.wantSent(i, 100+3*step)
	}
}

func TestOneRecordIsRepeated(t *testing.T) {
	u := newUnit(t)
	u.repeatAfter = repeatInterval
	for i := range 3 {
		u.install(i, 1)
	}
	w := classtest.Watch(t, u.Class)
	if changes := classtest.Drain(t, w); len(changes) != 3 {
		t.Fatalf("got %+v, want all records at first", changes)
	}
	repeated := map[string]int{}
	for range 6 {
		u.clock += repeatInterval
		if err := u.look(false); err != nil {
			t.Fatal(err)
		}
		changes := classtest.Drain(t, w)
		if len(changes) != 1 {
			t.Fatalf("got %+v, want one record", changes)
		}
		repeated[changes[0].Key]++
	}
	for i := range 3 {
		if n := repeated[encodeKey(idOf(i))]; n != 2 {
			t.Errorf("record %d was repeated %d times, want twice", i, n)
		}
	}
}

// A pair that does not replicate its tunnels has no counters, and never opens the kernel's SAs.
func TestNothingIsReplicatedWithoutTunnels(t *testing.T) {
	for name, o := range map[string]class.Options{
		"without an IKE daemon": {Replicated: []state.Class{state.VPN}},
		"if VPN is skipped":     {HasTunnels: true, Replicated: []state.Class{state.ConnectionCache}},
	} {
		c, err := Factory().New(o)
		if err != nil || c.Close != nil {
			t.Errorf("%s: the class follows the kernel, or failed: %v", name, err)
			continue
		}
		if all := classtest.Snapshot(t, c); len(all) > 0 {
			t.Errorf("%s: got %v", name, all)
		}
		if err := c.Promote(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("%s: promoting: %v", name, err)
		}
	}
}
