//go:build netns

package connectioncache

import (
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/class/own"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

// unit is the class in its own network namespace.
type unit struct {
	class.Class // Its calls enter the namespace.

	t         testing.TB
	namespace *testbed.Namespace
	class     *ConnectionCache
	table     *conntrack.Table
}

func newUnit(t testing.TB, name string, virtual ...netip.Addr) *unit {
	t.Helper()
	u := &unit{t: t, namespace: testbed.NewNamespace(t, name)}
	u.class = testbed.Open(t, u.namespace, func() (*ConnectionCache, error) {
		return New(Config{Own: own.New(own.Config{Virtual: virtual, Read: own.OfInterfaces})})
	})
	u.table = testbed.Open(t, u.namespace, conntrack.OpenTable)
	u.Class = classtest.Enter(class.Class{
		ID: state.ConnectionCache, Source: u.class.source, Sink: u.class.sink, Codec: codec{},
	}, u.namespace.Do)
	return u
}

// watch starts to watch the unit's kernel. The end of the test ends that.
func (u *unit) watch() class.Watch {
	u.t.Helper()
	return classtest.Watch(u.t, u.Class)
}

func (u *unit) do(f func() error) {
	u.t.Helper()
	if err := u.namespace.Do(f); err != nil {
		u.t.Fatal(err)
	}
}

// ask sends one request to the kernel. It must succeed.
func (u *unit) ask(operation conntrack.Operation, f conntrack.Flow) conntrack.Flow {
	u.t.Helper()
	results, err := u.table.Do([]conntrack.Request{{Operation: operation, Flow: f}}, nil)
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		u.t.Fatalf("Operation %d of %v: %v", operation, f.Orig, err)
	}
	return results[0].Flow
}

// apply writes flows as changes of the active.
func (u *unit) apply(op state.Op, flows ...conntrack.Flow) class.Outcome {
	u.t.Helper()
	b := newBatch(len(flows))
	for _, f := range flows {
		if op == state.Delete {
			b.remove(&f)
		} else {
			b.upsert(&f, true)
		}
	}
	return u.write(b)
}

func (u *unit) write(b *batch) class.Outcome {
	u.t.Helper()
	outcome, err := u.Sink.Apply(u.t.Context(), b.changes())
	if err != nil {
		u.t.Fatalf("Applying: %v", err)
	}
	return outcome
}

func (u *unit) wantApplied(op state.Op, flows ...conntrack.Flow) {
	u.t.Helper()
	if outcome := u.apply(op, flows...); outcome.Total() != 0 {
		u.t.Errorf("%v refused: %v", outcome.Refused, outcome.Err)
	}
}

func (u *unit) entries() int { return len(classtest.Snapshot(u.t, u.Class)) }

func TestContract(t *testing.T) {
	classtest.Run(t, func(t *testing.T) classtest.Pair {
		active, standby := newUnit(t, "a"), newUnit(t, "b")
		present := map[int]bool{}
		numbered := func(i int) conntrack.Flow {
			f := example()
			f.Status = conntrack.StatusConfirmed | conntrack.StatusSeenReply
			f.Orig.SrcPort += uint16(i)
			f.Reply.DstPort += uint16(i)
			return f
		}
		return classtest.Pair{
			Active: active.Class, Standby: standby.Class,
			Put: func(i int) {
				f := numbered(i)
				if !present[i] {
					active.ask(conntrack.Create, f)
				} else {
					mark := active.ask(conntrack.Get, f).Mark + 1
					active.ask(conntrack.Update, conntrack.Flow{Orig: f.Orig, Fields: conntrack.FieldMark, Mark: mark})
				}
				present[i] = true
			},
			Remove: func(i int) {
				active.ask(conntrack.Delete, numbered(i))
				delete(present, i)
			},
			Overrun: func() {
				requests := make([]conntrack.Request, 0, 100_000)
				for i := range cap(requests) / 2 {
					f := numbered(0)
					f.Orig.SrcPort = uint16(i)
					f.Reply = f.Orig.Inverse()
					requests = append(requests,
						conntrack.Request{Operation: conntrack.Create, Flow: f}, conntrack.Request{Operation: conntrack.Delete, Flow: f})
				}
				if _, err := active.table.Do(requests, nil); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

func TestStandbyEntryEqualsTheActives(t *testing.T) {
	u := newUnit(t, "b")
	f := example()
	f.Fields |= conntrack.FieldMark
	f.Mark = 7
	u.wantApplied(state.Upsert, f)
	got := u.ask(conntrack.Get, f)
	if got.Orig != f.Orig || got.Reply != f.Reply || got.Mark != 7 || got.TCP.State != conntrack.TCPEstablished {
		t.Errorf("got %+v", got)
	}
	if got.TCP.ScaleOrig != f.TCP.ScaleOrig || got.TCP.ScaleReply != f.TCP.ScaleReply {
		t.Errorf("window scales %d and %d", got.TCP.ScaleOrig, got.TCP.ScaleReply)
	}
	const flags = conntrack.TCPWindowScale | conntrack.TCPSACKPermit | conntrack.TCPBeLiberal
	if got.TCP.FlagsOrig != flags || got.TCP.FlagsReply != flags|conntrack.TCPCloseInit {
		t.Errorf("flags %#x and %#x", got.TCP.FlagsOrig, got.TCP.FlagsReply)
	}
	if want := settable | conntrack.StatusSrcNAT; got.Status&want != want {
		t.Errorf("status %#x", got.Status)
	}
}

func TestStandbyEntryLivesUntilCommit(t *testing.T) {
	u := newUnit(t, "b")
	tcp, udp := example(), example()
	udp.Orig.Protocol, udp.Reply.Protocol = conntrack.ProtocolUDP, conntrack.ProtocolUDP
	udp.Fields = conntrack.FieldStatus | conntrack.FieldTimeout
	udp.TimeoutSeconds, udp.Status = 30, conntrack.StatusConfirmed
	u.wantApplied(state.Upsert, tcp, udp)
	for _, f := range []conntrack.Flow{tcp, udp} {
		if got := u.ask(conntrack.Get, f).TimeoutSeconds; got < lifetime-60 {
			t.Errorf("%v ages out in %d s", f.Orig, got)
		}
	}
	aged := setTimeout(udp, writtenAbove)
	u.ask(aged.Operation, aged.Flow)
	if err := u.Sink.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := u.ask(conntrack.Get, udp).TimeoutSeconds; got < lifetime-60 {
		t.Errorf("an entry that was refreshed ages out in %d s", got)
	}

	touched := tcp
	touched.Orig.SrcPort, touched.Reply.DstPort = 1, 1
	u.wantApplied(state.Upsert, touched)
	seen := setTimeout(touched, 100) // a packet came between promotion and commit
	u.ask(seen.Operation, seen.Flow)
	if err := u.Sink.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		flow conntrack.Flow
		want uint32
	}{{tcp, 432000}, {udp, 30}, {touched, 100}} {
		if got := u.ask(conntrack.Get, c.flow).TimeoutSeconds; got > c.want || got < c.want-5 {
			t.Errorf("%v ages out in %d s after the commit, want %d", c.flow.Orig, got, c.want)
		}
	}
}

func TestActiveReplacesConflictingEntries(t *testing.T) {
	wanted := example()
	for name, change := range map[string]func(*conntrack.Flow){
		"another connection has the translated port": func(f *conntrack.Flow) { f.Orig.SrcPort++ },
		"the connection has another translation":     func(f *conntrack.Flow) { f.Reply.DstPort++ },
		"the connection has the opposite direction": func(f *conntrack.Flow) {
			f.Orig = f.Reply
			f.Reply = f.Orig.Inverse()
		},
		"the connection has a later state": func(f *conntrack.Flow) { f.Status |= conntrack.StatusAssured },
	} {
		t.Run(name, func(t *testing.T) {
			u := newUnit(t, "b")
			other, wanted := wanted, wanted
			wanted.Status = conntrack.StatusSeenReply
			other.Status = conntrack.StatusSeenReply | conntrack.StatusConfirmed
			change(&other)
			u.ask(conntrack.Create, other)
			u.wantApplied(state.Upsert, wanted)
			got := u.ask(conntrack.Get, wanted)
			if got.Orig != wanted.Orig || got.Reply != wanted.Reply || got.Status&conntrack.StatusAssured != 0 {
				t.Errorf("got %+v", got)
			}
			if n := u.entries(); n != 1 {
				t.Errorf("%d entries, want 1", n)
			}
		})
	}
}

func TestFormerActiveDiscardsWindows(t *testing.T) {
	u := newUnit(t, "b")
	f := example()
	tracked := f
	tracked.Status = settable | conntrack.StatusConfirmed
	tracked.TCP.FlagsOrig |= conntrack.TCPMaxAckSet
	u.ask(conntrack.Create, tracked)
	u.wantApplied(state.Upsert, f)
	got := u.ask(conntrack.Get, f).TCP
	if got.FlagsOrig&conntrack.TCPMaxAckSet != 0 || got.FlagsOrig&got.FlagsReply&conntrack.TCPBeLiberal == 0 {
		t.Errorf("flags %#x and %#x", got.FlagsOrig, got.FlagsReply)
	}
}

// TestAdoptConvertsEntriesOfFormerActive is about entries that are not sent again because both units have them.
func TestAdoptConvertsEntriesOfFormerActive(t *testing.T) {
	u := newUnit(t, "b")
	strict, liberal := example(), example()
	liberal.Orig.SrcPort, liberal.Reply.DstPort = 1, 1
	for _, f := range []*conntrack.Flow{&strict, &liberal} {
		f.Status, f.TimeoutSeconds = settable|conntrack.StatusConfirmed, 1000
		f.TCP.FlagsOrig |= conntrack.TCPMaxAckSet
	}
	beLiberal(&liberal.TCP)
	liberal.TCP.FlagsReply |= conntrack.TCPMaxAckSet
	u.ask(conntrack.Create, strict)
	u.ask(conntrack.Create, liberal)
	for range 2 {
		visited := 0
		err := u.Sink.Adopt(t.Context(), func(string, []byte) error { visited++; return nil })
		if err != nil || visited != 2 {
			t.Fatalf("%d visited, %v", visited, err)
		}
		for _, f := range []conntrack.Flow{strict, liberal} {
			got := u.ask(conntrack.Get, f)
			if isTracked(&got) || got.TimeoutSeconds < refreshBelow || got.TCP.State != f.TCP.State {
				t.Errorf("%+v", got)
			}
		}
	}
}

// TestAdoptRearmsHelpers checks the request. That it lets a helper read the next command is a test of package
// expectations, with a real client and server.
func TestAdoptRearmsHelpers(t *testing.T) {
	f := example()
	f.TimeoutSeconds = lifetime
	beLiberal(&f.TCP)
	if _, ok := adopt(f); ok {
		t.Error("an entry of a standby is changed")
	}
	f.Fields |= conntrack.FieldHelper
	f.Helper = "ftp"
	request, ok := adopt(f)
	if !ok || !request.Flow.Fields.Has(conntrack.FieldHelper) || request.Flow.Helper != "ftp" {
		t.Errorf("got %t, %+v", ok, request)
	}
	u := newUnit(t, "b")
	f.Status = settable | conntrack.StatusConfirmed
	u.ask(conntrack.Create, f)
	u.ask(request.Operation, request.Flow)
}

func TestCommitDiscardsOldWindows(t *testing.T) {
	u := newUnit(t, "b")
	f := example()
	f.Status, f.TimeoutSeconds = settable|conntrack.StatusConfirmed, 1000
	f.TCP.FlagsOrig |= conntrack.TCPMaxAckSet
	u.ask(conntrack.Create, f)
	if err := u.Sink.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := u.ask(conntrack.Get, f)
	if got.TCP.FlagsOrig&got.TCP.FlagsReply&conntrack.TCPBeLiberal == 0 || got.TCP.FlagsOrig&conntrack.TCPMaxAckSet != 0 {
		t.Errorf("flags %#x and %#x", got.TCP.FlagsOrig, got.TCP.FlagsReply)
	}
	if got.TimeoutSeconds > 1000 || got.TimeoutSeconds < 990 {
		t.Errorf("timeout %d, want that of before", got.TimeoutSeconds)
	}
}

func TestHelperAndLabelsAreReplicatedIfSupported(t *testing.T) {
	u := newUnit(t, "b")
	ftp, labelled, unknown, related := example(), example(), example(), example()
	for i, f := range []*conntrack.Flow{&ftp, &labelled, &unknown, &related} {
		f.Orig.SrcPort, f.Reply.DstPort = uint16(i+1), uint16(i+1)
	}
	ftp.Fields |= conntrack.FieldHelper
	ftp.Helper = "ftp"
	unknown.Fields |= conntrack.FieldHelper
	unknown.Helper = "no-such-helper"
	labelled.Fields |= conntrack.FieldLabels
	labelled.Labels[0] = 3
	related.Fields |= conntrack.FieldMaster
	related.Status |= conntrack.StatusExpected
	related.Master = ftp.Orig
	u.wantApplied(state.Upsert, ftp, labelled, unknown, related)
	if got := u.ask(conntrack.Get, ftp).Helper; got != "ftp" {
		t.Errorf("helper %q, want ftp", got)
	}
	if got := u.ask(conntrack.Get, related); got.Master != ftp.Orig || got.Status&conntrack.StatusExpected == 0 {
		t.Errorf("master %v, status %#x", got.Master, got.Status)
	}
	u.wantApplied(state.Upsert, ftp, labelled, unknown, related)
	if n := u.entries(); n != 4 {
		t.Errorf("%d entries, want 4", n)
	}

	orphan := related
	orphan.Orig.SrcPort, orphan.Reply.DstPort = 9, 9
	orphan.Master.SrcPort = 999
	u.wantApplied(state.Upsert, orphan)
	if n := u.entries(); n != 5 {
		t.Errorf("%d entries, want 5", n)
	}
}

func TestPartialChangeOfUnknownConnectionIsRefused(t *testing.T) {
	u := newUnit(t, "b")
	f := example()
	f.Fields = conntrack.FieldStatus | conntrack.FieldMark
	if outcome := u.apply(state.Upsert, f); outcome.Total() != 1 {
		t.Error("a connection without its TCP state was created")
	}
}

func TestUnitsOwnConnectionsAreNotReplicated(t *testing.T) {
	u := newUnit(t, "b", netip.MustParseAddr("203.0.113.1"))
	u.namespace.Link(t, "lo").Address("192.0.2.1/32").Address("203.0.113.1/32")
	own, shared := example(), example()
	own.Orig.Dst, own.Orig.SrcPort = netip.MustParseAddr("192.0.2.1"), 1
	own.Reply = own.Orig.Inverse()
	own.Status, shared.Status = conntrack.StatusConfirmed, conntrack.StatusConfirmed
	u.ask(conntrack.Create, own)
	u.ask(conntrack.Create, shared)
	if n := u.entries(); n != 1 {
		t.Errorf("%d entries are replicated, want 1", n)
	}
	if err := u.Sink.Prune(t.Context(), func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	u.ask(conntrack.Get, own)
	if n := u.entries(); n != 0 {
		t.Errorf("%d entries are left, want 0", n)
	}
}

// TestChangeOfAnEntryThatIsNotFresh is about entries that the active has already sent.
func TestChangeOfAnEntryThatIsNotFresh(t *testing.T) {
	marked := func(mark uint32) conntrack.Flow {
		f := example()
		f.Fields |= conntrack.FieldMark
		f.Mark, f.Status = mark, conntrack.StatusConfirmed
		return f
	}
	assured := marked(1)
	assured.Status |= settable
	part := conntrack.Flow{Orig: example().Orig, Reply: example().Reply, Fields: conntrack.FieldMark, Mark: 9}
	for name, c := range map[string]struct {
		there   []conntrack.Flow
		change  conntrack.Flow
		refused int
	}{
		"the standby has the entry":             {[]conntrack.Flow{marked(1)}, marked(2), 0},
		"the standby lacks the entry":           {nil, marked(2), 0},
		"the standby's entry has a later state": {[]conntrack.Flow{assured}, marked(2), 0},
		"a partial change":                      {[]conntrack.Flow{marked(1)}, part, 0},
		"a partial change of a missing entry":   {nil, part, 1},
		"another entry has the reply tuple":     {[]conntrack.Flow{clashing()}, marked(2), 0},
	} {
		t.Run(name, func(t *testing.T) {
			u := newUnit(t, "b")
			u.wantApplied(state.Upsert, c.there...)
			b := newBatch(1)
			b.upsert(&c.change, false)
			if outcome := u.write(b); outcome.Total() != c.refused {
				t.Fatalf("%v refused (%v), want %d", outcome.Refused, outcome.Err, c.refused)
			}
			if c.refused > 0 {
				return
			}
			got := u.ask(conntrack.Get, c.change)
			if got.Mark != c.change.Mark || got.Reply != c.change.Reply || u.entries() != 1 {
				t.Errorf("%d entries, of which one is %+v, want %+v", u.entries(), got, c.change)
			}
		})
	}
}

// clashing returns another connection with the reply tuple of the example.
func clashing() conntrack.Flow {
	f := example()
	f.Orig.SrcPort++
	return f
}
