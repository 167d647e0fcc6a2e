//go:build netns

package conntrack

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/testbed"
)

// bed is a namespace with masters.
type bed struct {
	*Expectations
	t         *testing.T
	namespace *testbed.Namespace
	table     *Table
}

func newBed(t *testing.T) *bed {
	t.Helper()
	n := testbed.NewNamespace(t, "a")
	return &bed{
		Expectations: testbed.Open(t, n, OpenExpectations), t: t, namespace: n, table: testbed.Open(t, n, OpenTable),
	}
}

// master creates the master of an expectation.
func (b *bed) master(e *Expectation) {
	b.t.Helper()
	b.ask(Create, masterOf(e))
}

// ask sends a request about an entry, which must succeed.
func (b *bed) ask(operation Operation, f Flow) Flow {
	b.t.Helper()
	results, err := b.table.Do([]Request{{Operation: operation, Flow: f}}, nil)
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		b.t.Fatalf("Operation %d of %v: %v", operation, f.Orig, err)
	}
	return results[0].Flow
}

// want checks the result of a request.
func (b *bed) want(what string, err, want error) {
	b.t.Helper()
	if !errors.Is(err, want) {
		b.t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func TestCreatedExpectationsReadBackEqual(t *testing.T) {
	b := newBed(t)
	want := map[Tuple]Expectation{}
	for _, e := range expectations() {
		b.master(&e)
		b.want("creating", b.Create(&e), nil)
		want[e.Tuple] = e
	}
	err := b.Dump(t.Context(), func(got *Expectation) error {
		e := *got
		e.ID, e.TimeoutSeconds = 0, 0
		if e != want[e.Tuple] {
			t.Errorf("got\n%+v, want\n%+v", e, want[e.Tuple])
		}
		delete(want, e.Tuple)
		return nil
	})
	if err != nil || len(want) != 0 {
		t.Errorf("%d expectations are missing, %v", len(want), err)
	}
}

func TestExpectationRequestsAnswerAsDocumented(t *testing.T) {
	b := newBed(t)
	e := expectations()["ftp-active-with-source-translation"]
	other, bare, strange := e, e, e
	other.Master.SrcPort++
	bare.Master.SrcPort += 2
	strange.Function = "no-such-function"

	b.want("creating without a master", b.Create(&e), unix.ENOENT)
	b.want("deleting nothing", b.Delete(&e), unix.ENOENT)
	b.want("setting the timeout of nothing", b.SetTimeout(&e), unix.ENOENT)
	_, err := b.Get(e.Tuple)
	b.want("getting nothing", err, unix.ENOENT)

	b.master(&e)
	b.master(&other)
	withoutHelper := masterOf(&bare)
	withoutHelper.Fields &^= FieldHelper
	b.ask(Create, withoutHelper)
	b.want("an unknown function", b.Create(&strange), unix.EINVAL)
	b.want("a master without a helper", b.Create(&bare), unix.EOPNOTSUPP)
	b.want("creating", b.Create(&e), nil)
	b.want("creating again", b.Create(&e), unix.EEXIST)

	exact := other
	exact.Tuple.SrcPort, exact.Mask.SrcPort = 20, 0xffff
	if err := b.Create(&exact); !errors.Is(err, unix.EBUSY) && !errors.Is(err, unix.EEXIST) {
		t.Errorf("creating one that clashes: %v", err)
	}

	e.TimeoutSeconds = 30
	b.want("setting the timeout", b.SetTimeout(&e), nil)
	got, err := b.Get(e.Tuple)
	if err != nil || got.TimeoutSeconds > 30 || got.TimeoutSeconds < 28 {
		t.Errorf("timeout %d, want 30; %v", got.TimeoutSeconds, err)
	}
	wrong := got
	wrong.ID++
	b.want("deleting another ID", b.Delete(&wrong), unix.ENOENT)
	b.want("deleting", b.Delete(&got), nil)
	b.want("deleting again", b.Delete(&got), unix.ENOENT)
	if err := b.Delete(&Expectation{}); err == nil {
		t.Error("a deletion without a tuple was sent")
	}
}

func TestExpectationEndsWithItsMaster(t *testing.T) {
	b := newBed(t)
	e := expectations()["ftp-over-ipv6"]
	b.master(&e)
	b.want("creating", b.Create(&e), nil)
	b.ask(Delete, masterOf(&e))
	_, err := b.Get(e.Tuple)
	b.want("getting it after its master's end", err, unix.ENOENT)
}

func TestExpectationListenerReceivesEveryChange(t *testing.T) {
	b := newBed(t)
	listener := testbed.Open(t, b.namespace, ListenExpectations)
	e := expectations()["ftp-active-with-source-translation"]
	b.master(&e)
	b.want("creating", b.Create(&e), nil)
	b.want("deleting", b.Delete(&e), nil)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var kinds []EventKind
	for len(kinds) < 2 {
		events, _, err := listener.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range events {
			kinds = append(kinds, event.Kind)
			if event.Expectation.Tuple != e.Tuple || event.Expectation.Helper != "ftp" {
				t.Errorf("event of %+v", event.Expectation)
			}
		}
	}
	if kinds[0] != EventNew || kinds[1] != EventDestroy {
		t.Errorf("events %v", kinds)
	}
	listener.Wake()
	if events, drained, err := listener.Receive(ctx); len(events) != 0 || !drained || err != nil {
		t.Errorf("%d events, drained %t, %v", len(events), drained, err)
	}
}

// TestListenerReportsMastersOfExpectations selects expectations together with entries.
func TestListenerReportsMastersOfExpectations(t *testing.T) {
	b := newBed(t)
	e := expectations()["ftp-active-with-source-translation"]
	b.master(&e)
	for name, c := range map[string]struct {
		selection Selection
		want      int
	}{
		"entries alone":        {Selection{}, 0},
		"all":                  {Selection{Expectations: true}, 2},
		"those of TCP":         {Selection{Expectations: true, Protocols: []uint8{ProtocolTCP}}, 2},
		"those of UDP":         {Selection{Expectations: true, Protocols: []uint8{ProtocolUDP}}, 0},
		"those of other hosts": {Selection{Expectations: true, Excluded: prefixes("192.168.50.0/24")}, 0},
		"those of these hosts": {Selection{Expectations: true, Excluded: prefixes("192.168.51.0/24")}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			listener := testbed.Open(t, b.namespace, func() (*Listener, error) { return Listen(c.selection) })
			b.want("creating", b.Create(&e), nil)
			b.want("deleting", b.Delete(&e), nil)
			listener.Wake()
			events, drained, err := listener.Receive(t.Context())
			if len(events) != c.want || !drained || err != nil {
				t.Fatalf("%d events, want %d, drained %t, %v", len(events), c.want, drained, err)
			}
			for i := range events {
				if events[i].Kind != EventExpectation || events[i].Flow.Orig != e.Master {
					t.Errorf("got %+v, want the master %v", events[i], e.Master)
				}
			}
		})
	}
}

func prefixes(text string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(text)} }

// TestUpdateRepeatsTheHelper is about what rearms a helper: the kernel accepts the name of the present helper alone.
func TestUpdateRepeatsTheHelper(t *testing.T) {
	b := newBed(t)
	e := expectations()["ftp-active-with-source-translation"]
	f := masterOf(&e)
	b.ask(Create, f)
	b.want("creating", b.Create(&e), nil)
	for name, want := range map[string]error{"ftp": nil, "irc": unix.EBUSY, "no-such-helper": unix.EOPNOTSUPP, "": nil} {
		f.Helper = name
		results, err := b.table.Do([]Request{{Operation: Update, Flow: f}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		b.want("updating with helper "+name, results[0].Err, want)
		if got := b.ask(Get, f).Helper; got != "ftp" {
			t.Errorf("after an update with helper %q, the helper is %q", name, got)
		}
	}
	if _, err := b.Get(e.Tuple); err != nil {
		t.Errorf("an update removed the expectation: %v", err)
	}
}
