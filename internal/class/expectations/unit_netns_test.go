//go:build netns

package expectations

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

	t            testing.TB
	namespace    *testbed.Namespace
	class        *Expectations
	table        *conntrack.Table
	expectations *conntrack.Expectations
}

func newUnit(t testing.TB, name string, virtual ...netip.Addr) *unit {
	t.Helper()
	u := &unit{t: t, namespace: testbed.NewNamespace(t, name)}
	u.class = testbed.Open(t, u.namespace, func() (*Expectations, error) {
		return New(Config{
			ID: state.FTP, Helpers: []string{"ftp"}, Own: own.New(own.Config{Virtual: virtual, Read: own.OfInterfaces}),
		})
	})
	u.table = testbed.Open(t, u.namespace, conntrack.OpenTable)
	u.expectations = testbed.Open(t, u.namespace, conntrack.OpenExpectations)
	u.Class = classtest.Enter(class.Class{
		ID: state.FTP, Source: u.class.source, Sink: u.class.sink, Codec: u.class.sink.codec,
	}, u.namespace.Do)
	return u
}

// master creates the control connection of an expectation.
func (u *unit) master(e conntrack.Expectation) {
	u.t.Helper()
	u.ask(conntrack.Create, controlOf(e))
}

// controlOf returns the entry of the control connection.
func controlOf(e conntrack.Expectation) conntrack.Flow {
	return conntrack.Flow{
		Fields: conntrack.FieldStatus | conntrack.FieldTimeout | conntrack.FieldHelper | conntrack.FieldTCPState |
			conntrack.FieldTCPWindow,
		Orig: e.Master, Reply: e.Master.Inverse(), TimeoutSeconds: 3600, Helper: e.Helper,
		Status: conntrack.StatusConfirmed | conntrack.StatusSeenReply | conntrack.StatusAssured,
		TCP:    conntrack.TCP{State: conntrack.TCPEstablished},
	}
}

// ask sends one request about an entry to the kernel. It must succeed.
func (u *unit) ask(operation conntrack.Operation, f conntrack.Flow) {
	u.t.Helper()
	results, err := u.table.Do([]conntrack.Request{{Operation: operation, Flow: f}}, nil)
	if err == nil {
		err = results[0].Err
	}
	if err != nil {
		u.t.Fatalf("Operation %d of %v: %v", operation, f.Orig, err)
	}
}

// expect makes the kernel expect a connection, as a helper does.
func (u *unit) expect(e conntrack.Expectation) {
	u.t.Helper()
	e.Helper = "" // of the data connection
	if err := u.expectations.Create(&e); err != nil {
		u.t.Fatalf("Creating expectation %v: %v", e.Tuple, err)
	}
}

// forget removes an expectation, as the kernel does when it is met.
func (u *unit) forget(e conntrack.Expectation) {
	u.t.Helper()
	if err := u.expectations.Delete(&e); err != nil {
		u.t.Fatalf("Deleting expectation %v: %v", e.Tuple, err)
	}
}

// find returns the kernel's expectation with a tuple, and whether there is one.
func (u *unit) find(e conntrack.Expectation) (conntrack.Expectation, bool) {
	there, err := u.expectations.Get(e.Tuple)
	return there, err == nil
}

// apply writes expectations as changes of the active.
func (u *unit) apply(op state.Op, expectations ...conntrack.Expectation) class.Outcome {
	u.t.Helper()
	var changes []state.Change
	for i := range expectations {
		change := u.class.sink.codec.upsert(&expectations[i])
		if op == state.Delete {
			change = u.class.sink.codec.remove(&expectations[i])
		}
		changes = append(changes, change)
	}
	outcome, err := u.Sink.Apply(u.t.Context(), changes)
	if err != nil {
		u.t.Fatalf("Applying: %v", err)
	}
	return outcome
}

func (u *unit) wantApplied(op state.Op, expectations ...conntrack.Expectation) {
	u.t.Helper()
	if outcome := u.apply(op, expectations...); outcome.Total() != 0 {
		u.t.Errorf("%v refused: %v", outcome.Refused, outcome.Err)
	}
}
