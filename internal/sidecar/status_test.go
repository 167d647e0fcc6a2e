package sidecar

import (
	"errors"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
)

// recorded returns a status as unitStatus computes it.
func recorded(condition, class string) contract.UnitStatus {
	return contract.UnitStatus{
		Role:       "Standby",
		Classes:    []contract.UnitClass{{Name: "ConnectionCache", State: class}, {Name: "Configuration", State: class}},
		Conditions: []contract.Condition{{Type: "Synchronized", Status: condition}},
	}
}

// A time moves only when what it describes changes, also across processes of the unit.
func TestRecorderKeepsTimes(t *testing.T) {
	s := &store{}
	now := time.Unix(100, 0)
	newRecorder := func() *recorder {
		return &recorder{
			store: s, now: func() time.Time { return now }, connections: func() (int64, error) { return now.Unix(), nil },
			log: logr.Discard(),
		}
	}
	r := newRecorder()
	expect := func(wanted contract.UnitStatus, transition, since, entries int64) {
		t.Helper()
		if err := r.write(t.Context(), wanted); err != nil {
			t.Fatal(err)
		}
		c, class := s.last.Conditions[0], s.last.Classes[0]
		if c.LastTransitionTime.Unix() != transition || class.Since.Unix() != since || *class.Entries != entries {
			t.Errorf("transition at %d, since %d, entries %d; want %d, %d, %d",
				c.LastTransitionTime.Unix(), class.Since.Unix(), *class.Entries, transition, since, entries)
		}
		if s.last.Classes[1].Entries != nil {
			t.Error("the entries of a class that cannot be counted are reported")
		}
	}
	expect(recorded("False", "Synchronizing"), 100, 100, 100)
	now = time.Unix(200, 0)
	expect(recorded("True", "InSync"), 200, 200, 200)
	now = time.Unix(300, 0)
	expect(recorded("True", "InSync"), 200, 200, 300)
	r = newRecorder()
	expect(recorded("True", "InSync"), 200, 200, 300)
	if wanted := recorded("True", "InSync"); !wanted.Conditions[0].LastTransitionTime.IsZero() {
		t.Error("the caller's status was changed")
	}
}

// An earlier process of the unit recorded a failover, and the next one reports it until it becomes active itself.
func TestRecorderKeepsTheLastFailover(t *testing.T) {
	earlier := &contract.FailoverRecord{To: "primary", Term: 3}
	s := &store{last: contract.UnitStatus{LastFailover: earlier}}
	r := &recorder{store: s, now: time.Now, log: logr.Discard()}
	if err := r.write(t.Context(), contract.UnitStatus{Role: "Standby"}); err != nil {
		t.Fatal(err)
	}
	if s.last.LastFailover == nil || s.last.LastFailover.Term != 3 {
		t.Errorf("got %+v", s.last.LastFailover)
	}
	if err := r.write(t.Context(), contract.UnitStatus{LastFailover: &contract.FailoverRecord{Term: 4}}); err != nil {
		t.Fatal(err)
	}
	if s.last.LastFailover.Term != 4 {
		t.Errorf("got %+v", s.last.LastFailover)
	}
}

// Connections that cannot be counted, and an API server that does not answer, are no reason to report nothing.
func TestRecorderFailures(t *testing.T) {
	s := &store{}
	broken := func() (int64, error) { return 0, errors.New("no such file") }
	r := &recorder{store: s, now: time.Now, connections: broken, log: logr.Discard()}
	s.setAway(true)
	if err := r.write(t.Context(), recorded("True", "InSync")); !errors.Is(err, errAway) {
		t.Errorf("got %v", err)
	}
	s.setAway(false)
	if err := r.write(t.Context(), recorded("True", "InSync")); err != nil {
		t.Error(err)
	}
	if s.last.Classes[0].Entries != nil {
		t.Errorf("entries are %d", *s.last.Classes[0].Entries)
	}
}
