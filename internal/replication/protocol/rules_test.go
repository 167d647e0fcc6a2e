package protocol

import (
	"errors"
	"testing"

	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

const class = state.ConnectionCache

func hello(unit string) *wire.Hello {
	return &wire.Hello{
		Version: 1, OldestVersion: 1, Pair: "edge", Namespace: "default", Unit: unit, Classes: []state.Class{class},
	}
}

// greeted returns the rules of a unit of this role and term, in a session in which both units have sent Hello.
func greeted(t *testing.T, role wire.Role, term uint64) *Rules {
	t.Helper()
	s := New(hello("secondary"))
	s.SetLocal(View{Role: role, Term: term})
	if err := s.Greet(hello("primary"), "primary"); err != nil {
		t.Fatal(err)
	}
	return s
}

type step struct {
	frame wire.Frame
	// become is the role to take before the frame arrives.
	become *View
	want   Verdict
	broken bool
}

func TestReceive(t *testing.T) {
	begin := func(position, term, generation uint64) wire.Frame {
		return &wire.Begin{Class: class, Term: term, Position: position, Generation: generation}
	}
	records := func(position, term, generation uint64, n int) wire.Frame {
		return &wire.Records{
			Class: class, Term: term, Position: position, Generation: generation, Entries: make([]wire.Entry, n),
		}
	}
	end := func(position, term, generation, count uint64) wire.Frame {
		return &wire.SnapshotEnd{Class: class, Term: term, Position: position, Generation: generation, Count: count}
	}
	delta := func(position, term uint64) wire.Frame {
		return &wire.Delta{Class: class, Term: term, Position: position}
	}
	for name, script := range map[string]struct {
		role  wire.Role
		steps []step
	}{
		"a standby takes a snapshot and what follows it": {wire.RoleStandby, []step{
			{frame: begin(1, 5, 1), want: Take},
			{frame: records(2, 5, 1, 3), want: Take},
			{frame: records(3, 5, 1, 2), want: Take},
			{frame: end(4, 5, 1, 5), want: Take},
			{frame: delta(5, 5), want: Take},
			{frame: &wire.Barrier{Term: 5}, want: Take},
			{frame: begin(6, 5, 2), want: Take},
			{frame: end(7, 5, 2, 0), want: Take},
		}},
		"an active takes no state": {wire.RoleActive, []step{
			{frame: begin(1, 9, 1), want: Refuse},
			{frame: records(2, 9, 1, 1), want: Refuse},
			{frame: &wire.Barrier{Term: 9}, want: Refuse},
			{frame: &wire.Sync{Term: 9}, want: Refuse},
		}},
		"an older term is refused": {wire.RoleStandby, []step{
			{frame: begin(1, 4, 1), want: Refuse},
			{frame: begin(2, 6, 1), want: Take},
			{frame: records(3, 5, 1, 1), want: Refuse},
			{frame: &wire.Barrier{Term: 5}, want: Refuse},
			{frame: &wire.Relinquish{Term: 5}, want: Refuse},
		}},
		"state is refused after its sender relinquished the role": {wire.RoleStandby, []step{
			{frame: begin(1, 5, 1), want: Take},
			{frame: end(2, 5, 1, 0), want: Take},
			{frame: &wire.Relinquish{Term: 6}, want: Take},
			{frame: delta(3, 5), want: Refuse},
		}},
		"a snapshot that began before this unit was standby is refused": {wire.RoleActive, []step{
			{frame: begin(1, 6, 1), want: Refuse},
			{frame: records(2, 6, 1, 1), want: Refuse, become: &View{Role: wire.RoleStandby, Term: 6}},
			{frame: delta(3, 6), want: Refuse},
			{frame: begin(4, 6, 2), want: Take},
			{frame: records(5, 6, 2, 1), want: Take},
		}},
		"a snapshot of another generation is an error": {wire.RoleStandby, []step{
			{frame: begin(1, 5, 1), want: Take},
			{frame: records(2, 5, 7, 1), broken: true},
		}},
		"a change during a snapshot is an error": {wire.RoleStandby, []step{
			{frame: begin(1, 5, 1), want: Take},
			{frame: delta(2, 5), broken: true},
		}},
		"a snapshot with too few entries is an error": {wire.RoleStandby, []step{
			{frame: begin(1, 5, 1), want: Take},
			{frame: records(2, 5, 1, 1), want: Take},
			{frame: end(3, 5, 1, 2), broken: true},
		}},
		"a position that does not grow is an error": {wire.RoleStandby, []step{
			{frame: begin(3, 5, 1), want: Take},
			{frame: records(3, 5, 1, 1), broken: true},
		}},
		"a class that is not replicated is an error": {wire.RoleStandby, []step{
			{frame: &wire.Delta{Class: 99, Term: 5, Position: 1}, broken: true},
		}},
		"a second Hello is an error": {wire.RoleStandby, []step{{frame: hello("primary"), broken: true}}},
		"an acknowledgement of what was not sent is an error": {wire.RoleActive, []step{
			{frame: &wire.Ack{Position: 1}, broken: true},
		}},
		"Ping and Bye are taken in any role": {wire.RoleNone, []step{
			{frame: &wire.Ping{}, want: Take},
			{frame: &wire.Bye{}, want: Take},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := greeted(t, script.role, 5)
			for i, step := range script.steps {
				if step.become != nil {
					s.SetLocal(*step.become)
				}
				verdict, err := s.Receive(step.frame)
				switch {
				case step.broken != errors.Is(err, ErrProtocol):
					t.Fatalf("step %d: got error %v, want one: %t", i, err, step.broken)
				case !step.broken && verdict != step.want:
					t.Fatalf("step %d: got verdict %d, want %d", i, verdict, step.want)
				}
			}
		})
	}
}

func TestStateFlowsOnlyFromActiveToStandby(t *testing.T) {
	for _, c := range []struct {
		local, peer wire.Role
		want        bool
	}{
		{wire.RoleActive, wire.RoleStandby, true},
		{wire.RoleActive, wire.RoleActive, false},
		{wire.RoleActive, wire.RoleNone, false},
		{wire.RoleStandby, wire.RoleStandby, false},
		{wire.RoleNone, wire.RoleStandby, false},
	} {
		s := greeted(t, c.local, 5)
		if _, err := s.Receive(&wire.RoleChange{Role: c.peer, Term: 5}); err != nil {
			t.Fatal(err)
		}
		if got := s.Sends(); got != c.want {
			t.Errorf("%s to %s: got %t, want %t", c.local, c.peer, got, c.want)
		}
	}
}

func TestReplacedActiveSendsNothing(t *testing.T) {
	s := greeted(t, wire.RoleActive, 5)
	for _, f := range []wire.Frame{&wire.RoleChange{Role: wire.RoleStandby, Term: 5}, &wire.Relinquish{Term: 6}} {
		if _, err := s.Receive(f); err != nil {
			t.Fatal(err)
		}
	}
	if s.Sends() {
		t.Error("an active of term 5 sends although it knows term 6")
	}
}

func TestPositionsAreAcknowledged(t *testing.T) {
	r := greeted(t, wire.RoleActive, 5)
	for want := range uint64(3) {
		if position, term := r.Positions.Next(), r.Local().Term; position != want+1 || term != 5 {
			t.Errorf("got position %d of term %d", position, term)
		}
	}
	for _, position := range []uint64{2, 1} {
		if _, err := r.Receive(&wire.Ack{Position: position}); err != nil {
			t.Fatal(err)
		}
	}
	if r.Positions.Acknowledged() != 2 || r.Positions.Sent() != 3 {
		t.Errorf("%d of %d acknowledged, want 2 of 3", r.Positions.Acknowledged(), r.Positions.Sent())
	}
}

func TestGreetRefusesOtherUnits(t *testing.T) {
	for name, change := range map[string]func(*wire.Hello){
		"another pair":      func(h *wire.Hello) { h.Pair = "other" },
		"another namespace": func(h *wire.Hello) { h.Namespace = "other" },
		"the same unit":     func(h *wire.Hello) { h.Unit = "secondary" },
		"another version":   func(h *wire.Hello) { h.Version, h.OldestVersion = 9, 8 },
	} {
		peer := hello("primary")
		change(peer)
		s := New(hello("secondary"))
		if err := s.Greet(peer, "primary"); err == nil {
			t.Errorf("%s was accepted", name)
		}
		if _, err := s.Receive(&wire.Ping{}); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s may send frames: %v", name, err)
		}
	}
}

func TestClassesAreThoseOfBothUnits(t *testing.T) {
	peer := hello("primary")
	peer.Classes = []state.Class{7, class}
	s := New(hello("secondary"))
	if err := s.Greet(peer, "primary"); err != nil {
		t.Fatal(err)
	}
	if got := s.Classes(); len(got) != 1 || got[0] != class {
		t.Errorf("got %v", got)
	}
}
