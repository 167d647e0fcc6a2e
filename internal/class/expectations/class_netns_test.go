//go:build netns

package expectations

import (
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

func TestContract(t *testing.T) {
	const clients = 30
	numbered := func(i int) conntrack.Expectation {
		e := example()
		e.Master.SrcPort += uint16(i)
		e.Tuple.DstPort += uint16(i)
		e.NAT.Port += uint16(i)
		return e
	}
	classtest.Run(t, func(t *testing.T) classtest.Pair {
		active, standby := newUnit(t, "a"), newUnit(t, "b")
		for i := range clients {
			active.master(numbered(i))
			standby.master(numbered(i))
		}
		present := map[int]bool{}
		return classtest.Pair{
			Active: active.Class, Standby: standby.Class,
			Put: func(i int) {
				if present[i] {
					active.forget(numbered(i)) // as when a client repeats its command
				}
				active.expect(numbered(i))
				present[i] = true
			},
			Remove: func(i int) {
				active.forget(numbered(i))
				delete(present, i)
			},
			Overrun: func() {
				for range 50_000 {
					active.expect(numbered(0))
					active.forget(numbered(0))
				}
			},
		}
	})
}

// TestStandbyHasTheRemainingTime is about the time, which the kernel sets to that of the helper's policy.
func TestStandbyHasTheRemainingTime(t *testing.T) {
	u := newUnit(t, "b")
	e := example()
	u.master(e)
	for _, seconds := range []uint32{40, 20, 100} {
		e.TimeoutSeconds = seconds
		u.wantApplied(state.Upsert, e)
		got, ok := u.find(e)
		if !ok || got.TimeoutSeconds > seconds || got.TimeoutSeconds+2 < seconds {
			t.Errorf("there: %t, with %d s left, want %d", ok, got.TimeoutSeconds, seconds)
		}
		if got.TimeoutSeconds = seconds; !isEqual(&got, &e) {
			t.Errorf("got\n%+v, want\n%+v", got, e)
		}
	}
}

// TestActiveReplacesWhatIsInTheWay is about expectations of a standby's own time as active.
func TestActiveReplacesWhatIsInTheWay(t *testing.T) {
	for name, change := range map[string]func(*conntrack.Expectation){
		"of another control connection": func(e *conntrack.Expectation) { e.Master.SrcPort++ },
		"with another translation":      func(e *conntrack.Expectation) { e.NAT.Port++ },
		"from one port": func(e *conntrack.Expectation) {
			e.Master.SrcPort++
			e.Tuple.SrcPort, e.Mask.SrcPort = 20, 0xffff
		},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUnit(t, "b")
			wanted, other := example(), example()
			change(&other)
			u.master(wanted)
			if other.Master != wanted.Master {
				u.master(other)
			}
			u.expect(other)
			u.wantApplied(state.Upsert, wanted)
			if got, ok := u.find(wanted); !ok || !isEqual(&got, &wanted) {
				t.Errorf("there: %t, %+v", ok, got)
			}
			if n := len(classtest.Snapshot(t, u.Class)); n != 1 {
				t.Errorf("%d expectations, want 1", n)
			}
			if other.Master == wanted.Master {
				return
			}
			u.wantApplied(state.Delete, other)
			if _, ok := u.find(wanted); !ok {
				t.Error("the end of the other one removed it")
			}
		})
	}
}

// TestExpectationWaitsForItsMaster sends an expectation before its control connection.
func TestExpectationWaitsForItsMaster(t *testing.T) {
	for name, cause := range map[string]func(*unit){
		"until the timer":      func(*unit) {},
		"until the next Apply": func(u *unit) { u.wantApplied(state.Delete, examples()["FTP over IPv6"]) },
		"until the promotion":  func(u *unit) { u.do(u.Sink.Commit(u.t.Context())) },
	} {
		t.Run(name, func(t *testing.T) {
			u := newUnit(t, "b")
			e := example()
			u.wantApplied(state.Upsert, e)
			if _, ok := u.find(e); ok {
				t.Fatal("an expectation without a master was written")
			}
			u.master(e)
			cause(u)
			testbed.Eventually(t, "the expectation is there", func() bool { _, ok := u.find(e); return ok })
		})
	}
}

func (u *unit) do(err error) {
	u.t.Helper()
	if err != nil {
		u.t.Fatal(err)
	}
}

// TestExpectationsThatWaitInVainAreCounted lets some expire, and the end of one arrive.
func TestExpectationsThatWaitInVainAreCounted(t *testing.T) {
	u := newUnit(t, "b")
	short, ended := example(), example()
	short.TimeoutSeconds = 1
	ended.Master.SrcPort++
	u.wantApplied(state.Upsert, short, ended)
	u.wantApplied(state.Delete, ended)
	testbed.Eventually(t, "the loss is counted", func() bool {
		outcome := u.apply(state.Delete, ended)
		return outcome.Refused == [class.Refusals]int{class.Incomplete: 1} && outcome.Err != nil
	})
	u.master(short)
	u.master(ended)
	testbed.Pause(t, 3*retryPause)
	if n := len(classtest.Snapshot(t, u.Class)); n != 0 {
		t.Errorf("%d expectations, want none", n)
	}
}

// TestSynchronizationForgetsWhatWaits is about a new active, which sends what it has.
func TestSynchronizationForgetsWhatWaits(t *testing.T) {
	e := example()
	for name, forget := range map[string]func(*unit) error{
		"adoption":  func(u *unit) error { return u.Sink.Adopt(t.Context(), func(string, []byte) error { return nil }) },
		"pruning":   func(u *unit) error { return u.Sink.Prune(t.Context(), func(string) bool { return false }) },
		"promotion": func(u *unit) error { return u.Sink.Commit(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			u := newUnit(t, "b")
			u.wantApplied(state.Upsert, e)
			u.do(forget(u))
			u.master(e)
			testbed.Pause(t, 3*retryPause)
			if _, ok := u.find(e); ok {
				t.Error("the expectation was written")
			}
		})
	}
}

// TestStandbyKeepsItsOwn sends a standby changes about connections that are its own, or of another class. None may
// reach its kernel.
func TestStandbyKeepsItsOwn(t *testing.T) {
	u := newUnit(t, "b", netip.MustParseAddr("203.0.113.1"))
	u.namespace.Link(t, "lo").Address("10.244.1.7/32").Address("203.0.113.1/32")
	u.do(u.namespace.Do(u.class.sink.filter.refresh))
	own := netip.MustParseAddr("10.244.1.7")
	u.class.sink.filter.own.SetPeer([]netip.Addr{netip.MustParseAddr("10.244.2.8")})
	for name, change := range map[string]func(*conntrack.Expectation){
		"of an own control connection": func(e *conntrack.Expectation) { e.Master.Src = own },
		"of the peer's":                func(e *conntrack.Expectation) { e.Master.Src = netip.MustParseAddr("10.244.2.8") },
		"to an own address":            func(e *conntrack.Expectation) { e.Tuple.Dst = own },
		"from loopback":                func(e *conntrack.Expectation) { e.Tuple.Src = netip.MustParseAddr("127.0.0.1") },
		"translated to an own address": func(e *conntrack.Expectation) { e.NAT.Address = own },
		"of another helper":            func(e *conntrack.Expectation) { e.Helper = "sip" },
		"without a helper":             func(e *conntrack.Expectation) { e.Helper = "" },
	} {
		t.Run(name, func(t *testing.T) {
			e := example()
			change(&e)
			want := [class.Refusals]int{class.Excluded: 1}
			if outcome := u.apply(state.Upsert, e); outcome.Refused != want {
				t.Errorf("not refused: %v", outcome.Refused)
			}
			if _, ok := u.find(e); ok {
				t.Error("it was written")
			}
		})
	}
	mine := example()
	mine.Master.Src = own
	u.master(mine)
	u.expect(mine)
	theirs := example()
	u.master(theirs)
	if outcome := u.apply(state.Upsert, theirs); outcome.Total() != 1 {
		t.Error("the active replaced an expectation of the standby's own")
	}
	u.do(u.Sink.Prune(t.Context(), func(string) bool { return false }))
	if n := len(classtest.Snapshot(t, u.Class)); n != 0 {
		t.Errorf("%d expectations are replicated, want none", n)
	}
	if got, ok := u.find(mine); !ok || got.Master != mine.Master {
		t.Error("the standby's own expectation is gone")
	}
}

// TestCallsKeepTheirPolicy is about class VoIP: a call has more expectations than the first policy of SIP allows.
func TestCallsKeepTheirPolicy(t *testing.T) {
	namespace := testbed.NewNamespace(t, "b")
	table := testbed.Open(t, namespace, conntrack.OpenTable)
	voip := testbed.Open(t, namespace, func() (*Expectations, error) {
		return New(Config{ID: state.VoIP, Helpers: []string{"sip"}, WithHelper: true})
	})
	e := examples()["a registration of SIP"]
	e.Flags, e.TimeoutSeconds = 0, 120
	control := controlOf(e)
	control.Fields &^= conntrack.FieldTCPState | conntrack.FieldTCPWindow
	if results, err := table.Do([]conntrack.Request{{Operation: conntrack.Create, Flow: control}}, nil); err != nil ||
		results[0].Err != nil {
		t.Fatal(err, results)
	}
	outcome, err := voip.sink.Apply(t.Context(), []state.Change{voip.sink.codec.upsert(&e)})
	if err != nil || outcome.Total() != 0 {
		t.Fatalf("%v, %v", err, outcome)
	}
	got, err := voip.sink.kernel.Get(e.Tuple)
	if err != nil || got.Class != e.Class || !isEqual(&got, &e) {
		t.Errorf("got\n%+v, %v, want\n%+v", got, err, e)
	}
}
