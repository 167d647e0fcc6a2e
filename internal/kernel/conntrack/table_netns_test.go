//go:build netns

package conntrack_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
)

// open opens the table of a new namespace.
func open(t *testing.T) (*testbed.Namespace, *conntrack.Table) {
	t.Helper()
	namespace := testbed.NewNamespace(t, "a")
	return namespace, testbed.Open(t, namespace, conntrack.OpenTable)
}

// listen listens to the changes of a namespace that are selected.
func listen(t *testing.T, namespace *testbed.Namespace, selected conntrack.Selection) *conntrack.Listener {
	t.Helper()
	return testbed.Open(t, namespace, func() (*conntrack.Listener, error) { return conntrack.Listen(selected) })
}

func one(t *testing.T, table *conntrack.Table, operation conntrack.Operation, flow conntrack.Flow) conntrack.Result {
	t.Helper()
	results, err := table.Do([]conntrack.Request{{Operation: operation, Flow: flow}}, nil)
	if err != nil {
		t.Fatalf("Asking the kernel: %v", err)
	}
	return results[0]
}

func create(t *testing.T, table *conntrack.Table, flow conntrack.Flow) {
	t.Helper()
	if err := one(t, table, conntrack.Create, flow).Err; err != nil {
		t.Fatalf("Creating an entry: %v", err)
	}
}

func dump(t *testing.T, namespace *testbed.Namespace) []conntrack.Flow {
	t.Helper()
	var flows []conntrack.Flow
	err := namespace.Do(func() error {
		return conntrack.Dump(t.Context(), func(f conntrack.Flow) error {
			flows = append(flows, f)
			return nil
		})
	})
	if err != nil {
		t.Fatalf("Dumping the table: %v", err)
	}
	return flows
}

const (
	established = conntrack.StatusConfirmed | conntrack.StatusSeenReply | conntrack.StatusAssured
	longLived   = 3600
)

// flows returns one entry of each kind, with translation if the protocol allows it.
func flows() map[string]conntrack.Flow {
	tuple := func(protocol uint8, src, dst string) conntrack.Tuple {
		return conntrack.Tuple{Protocol: protocol, Src: netip.MustParseAddr(src), Dst: netip.MustParseAddr(dst)}
	}
	ports := func(t conntrack.Tuple, src, dst uint16) conntrack.Tuple {
		t.SrcPort, t.DstPort = src, dst
		return t
	}
	icmp := func(t conntrack.Tuple, kind uint8, id uint16) conntrack.Tuple {
		t.ICMPType, t.ICMPID = kind, id
		return t
	}
	flow := func(orig, reply conntrack.Tuple) conntrack.Flow {
		return conntrack.Flow{
			Fields: conntrack.FieldTimeout | conntrack.FieldStatus, Orig: orig, Reply: reply,
			Status: established, TimeoutSeconds: longLived,
		}
	}
	plain := func(orig conntrack.Tuple) conntrack.Flow { return flow(orig, orig.Inverse()) }
	tcp := func(f conntrack.Flow) conntrack.Flow {
		f.Fields |= conntrack.FieldTCPState | conntrack.FieldTCPWindow
		f.TCP = conntrack.TCP{
			State: conntrack.TCPEstablished, ScaleOrig: 7, ScaleReply: 9,
			FlagsOrig:  conntrack.TCPWindowScale | conntrack.TCPSACKPermit,
			FlagsReply: conntrack.TCPWindowScale | conntrack.TCPBeLiberal,
		}
		return f
	}
	all := map[string]conntrack.Flow{
		"TCP": tcp(plain(ports(tuple(6, "192.168.50.10", "203.0.113.9"), 40000, 80))),
		"TCP with source translation": tcp(flow(ports(tuple(6, "192.168.50.10", "203.0.113.9"), 40001, 80),
			ports(tuple(6, "203.0.113.9", "203.0.113.1"), 80, 61001))),
		"TCP with destination translation": tcp(flow(ports(tuple(6, "203.0.113.9", "203.0.113.1"), 40002, 8080),
			ports(tuple(6, "192.168.50.10", "203.0.113.9"), 80, 40002))),
		"TCP with both": tcp(flow(ports(tuple(6, "192.168.50.10", "192.168.50.1"), 40003, 8080),
			ports(tuple(6, "192.168.50.20", "192.168.50.1"), 80, 1234))),
		"TCP over IPv6": tcp(flow(ports(tuple(6, "fd50::10", "2001:db8::9"), 40004, 443),
			ports(tuple(6, "2001:db8::9", "2001:db8::1"), 443, 40004))),
		"UDP": flow(ports(tuple(17, "192.168.50.10", "203.0.113.9"), 5000, 53),
			ports(tuple(17, "203.0.113.9", "203.0.113.1"), 53, 5001)),
		"ICMP": flow(icmp(tuple(1, "192.168.50.10", "203.0.113.9"), 8, 77),
			icmp(tuple(1, "203.0.113.9", "203.0.113.1"), 0, 78)),
		"ICMPv6": plain(icmp(tuple(58, "fd50::10", "2001:db8::9"), 128, 79)),
		"GRE":    plain(ports(tuple(47, "192.168.50.10", "203.0.113.9"), 0, 7)),
		"ESP":    flow(tuple(50, "192.168.50.10", "203.0.113.9"), tuple(50, "203.0.113.9", "203.0.113.1")),
	}
	sctp := plain(ports(tuple(132, "192.168.50.10", "203.0.113.9"), 6000, 6001))
	sctp.Fields |= conntrack.FieldSCTP
	sctp.SCTP = conntrack.SCTP{State: 4, TagOrig: 0xdeadbeef, TagReply: 0xcafe}
	all["SCTP"] = sctp

	marked := tcp(plain(ports(tuple(6, "192.168.50.10", "203.0.113.9"), 40010, 21)))
	marked.Fields |= conntrack.FieldMark | conntrack.FieldSeqAdj | conntrack.FieldHelper
	marked.Mark, marked.Zone, marked.Helper = 0xabc, 5, "ftp"
	marked.SeqAdjOrig = conntrack.SeqAdj{CorrectionPos: 1000, OffsetBefore: 3, OffsetAfter: -4}
	all["TCP with mark, zone, helper and sequence adjustment"] = marked
	return all
}

func TestCreatedEntriesReadBackEqual(t *testing.T) {
	namespace, table := open(t)
	want := flows()
	var requests []conntrack.Request
	for _, f := range want {
		requests = append(requests, conntrack.Request{Operation: conntrack.Create, Flow: f})
	}
	results, err := table.Do(requests, nil)
	if err != nil {
		t.Fatalf("Creating entries: %v", err)
	}
	for i, r := range results {
		if r.Err != nil {
			t.Errorf("Creating %v: %v", requests[i].Flow.Orig, r.Err)
		}
	}
	got := map[conntrack.Tuple]conntrack.Flow{}
	for _, f := range dump(t, namespace) {
		got[f.Orig] = f
	}
	for name, f := range want {
		t.Run(name, func(t *testing.T) { compare(t, f, got[f.Orig]) })
	}
}

// compare checks everything that was sent to the kernel. The kernel adds fields and status bits of its own.
func compare(t *testing.T, want, got conntrack.Flow) {
	t.Helper()
	if !got.Fields.Has(want.Fields) {
		t.Errorf("fields %b, want at least %b", got.Fields, want.Fields)
	}
	if got.Orig != want.Orig || got.Reply != want.Reply || got.Zone != want.Zone {
		t.Errorf("tuples %v / %v zone %d, want %v / %v zone %d",
			got.Orig, got.Reply, got.Zone, want.Orig, want.Reply, want.Zone)
	}
	if got.Status&want.Status != want.Status {
		t.Errorf("status %#x lacks some of %#x", got.Status, want.Status)
	}
	nat := got.Status & (conntrack.StatusSrcNAT | conntrack.StatusDstNAT)
	if want.Translated() != (nat != 0) {
		t.Errorf("status %#x of an entry whose translation is %t", got.Status, want.Translated())
	}
	if got.TimeoutSeconds == 0 || got.TimeoutSeconds > want.TimeoutSeconds {
		t.Errorf("timeout %d, want %d or little less", got.TimeoutSeconds, want.TimeoutSeconds)
	}
	if got.TCP != want.TCP || got.SCTP != want.SCTP || got.Mark != want.Mark || got.Helper != want.Helper {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.SeqAdjOrig != want.SeqAdjOrig || got.SeqAdjReply != want.SeqAdjReply {
		t.Errorf("sequence adjustment %+v / %+v, want %+v / %+v",
			got.SeqAdjOrig, got.SeqAdjReply, want.SeqAdjOrig, want.SeqAdjReply)
	}
}

func TestOperationsAnswerAsDocumented(t *testing.T) {
	_, table := open(t)
	flow := flows()["TCP with source translation"]
	clash := flow
	clash.Orig.SrcPort++ // another connection that uses the same translated port

	steps := []struct {
		operation conntrack.Operation
		flow      conntrack.Flow
		want      error
	}{
		{conntrack.Update, flow, unix.ENOENT},
		{conntrack.Delete, flow, unix.ENOENT},
		{conntrack.Get, flow, unix.ENOENT},
		{conntrack.Create, flow, nil},
		{conntrack.Create, flow, unix.EEXIST},
		{conntrack.Create, clash, unix.EEXIST},
		{conntrack.Update, flow, nil},
		{conntrack.Get, flow, nil},
		{conntrack.Delete, flow, nil},
		{conntrack.Create, clash, nil},
	}
	for i, s := range steps {
		if got := one(t, table, s.operation, s.flow).Err; !errors.Is(got, s.want) {
			t.Errorf("step %d, operation %d: got %v, want %v", i, s.operation, got, s.want)
		}
	}
}

func TestRequestWithoutTupleIsRefused(t *testing.T) {
	namespace, table := open(t)
	create(t, table, flows()["TCP"])
	if _, err := table.Do([]conntrack.Request{{Operation: conntrack.Delete}}, nil); err == nil {
		t.Error("a deletion without a tuple was sent")
	}
	if n := len(dump(t, namespace)); n != 1 {
		t.Errorf("%d entries left, want 1", n)
	}
}

func TestGetFindsEitherDirection(t *testing.T) {
	_, table := open(t)
	flow := flows()["TCP with source translation"]
	create(t, table, flow)
	question := flow
	question.Orig = flow.Reply
	result := one(t, table, conntrack.Get, question)
	if result.Err != nil || result.Flow.Orig != flow.Orig {
		t.Errorf("got %v, %v; want %v", result.Flow.Orig, result.Err, flow.Orig)
	}
}

func TestListenerReceivesEveryChange(t *testing.T) {
	namespace, table := open(t)
	listener := listen(t, namespace, conntrack.Selection{})

	flow := flows()["TCP"]
	closing := flow
	closing.TCP.State = conntrack.TCPFinWait
	for _, r := range []conntrack.Request{
		{Operation: conntrack.Create, Flow: flow},
		{Operation: conntrack.Update, Flow: closing},
		{Operation: conntrack.Delete, Flow: flow},
	} {
		if err := one(t, table, r.Operation, r.Flow).Err; err != nil {
			t.Fatalf("Changing the entry: %v", err)
		}
	}
	events := receive(t, listener)
	want := []conntrack.EventKind{conntrack.EventNew, conntrack.EventUpdate, conntrack.EventDestroy}
	if len(events) != len(want) {
		t.Fatalf("%d events, want %d: %+v", len(events), len(want), events)
	}
	for i, e := range events {
		if e.Kind != want[i] || e.Flow.Orig != flow.Orig || e.Flow.Reply != flow.Reply {
			t.Errorf("event %d is %d of %v, want %d of %v", i, e.Kind, e.Flow.Orig, want[i], flow.Orig)
		}
	}
	if got := events[1].Flow.TCP.State; got != conntrack.TCPFinWait {
		t.Errorf("the update has state %d, want %d", got, conntrack.TCPFinWait)
	}
}

func receive(t *testing.T, listener *conntrack.Listener) []conntrack.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var all []conntrack.Event
	for {
		if len(all) > 0 {
			listener.Wake()
		}
		events, drained, err := listener.Receive(ctx)
		if err != nil {
			t.Fatalf("Receiving: %v", err)
		}
		all = append(all, events...)
		if drained {
			return all
		}
	}
}

func TestWokenListenerReturnsWithoutEvents(t *testing.T) {
	namespace := testbed.NewNamespace(t, "a")
	listener := listen(t, namespace, conntrack.Selection{})
	for range 3 {
		go listener.Wake()
		if events, drained, err := listener.Receive(t.Context()); err != nil || !drained || len(events) != 0 {
			t.Errorf("got %d events, drained %t, %v", len(events), drained, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	go cancel()
	if _, _, err := listener.Receive(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's end", err)
	}
}

func TestListenerReportsOverrunAndContinues(t *testing.T) {
	namespace, table := open(t)
	listener := listen(t, namespace, conntrack.Selection{})
	flow := flows()["UDP"]
	requests := make([]conntrack.Request, 0, 100_000)
	for i := range cap(requests) / 2 {
		f := flow
		f.Orig.SrcPort = uint16(i)
		f.Reply = f.Orig.Inverse()
		requests = append(requests,
			conntrack.Request{Operation: conntrack.Create, Flow: f}, conntrack.Request{Operation: conntrack.Delete, Flow: f})
	}
	if _, err := table.Do(requests, nil); err != nil {
		t.Fatalf("Creating and deleting: %v", err)
	}
	overruns := 0
	for {
		listener.Wake()
		_, drained, err := listener.Receive(t.Context())
		if errors.Is(err, conntrack.ErrOverrun) {
			overruns++
			continue
		}
		if err != nil {
			t.Fatalf("Receiving: %v", err)
		}
		if drained {
			break
		}
	}
	if overruns == 0 {
		t.Error("no overrun was reported")
	}
	create(t, table, flow)
	if events := receive(t, listener); len(events) != 1 {
		t.Errorf("%d events after the overrun, want 1", len(events))
	}
}
