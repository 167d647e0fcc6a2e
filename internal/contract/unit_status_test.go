package contract_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// fullStatus returns a status that uses every field.
func fullStatus() contract.UnitStatus {
	at := time.Date(2031, 5, 4, 3, 2, 1, 123_456_000, time.UTC)
	return contract.UnitStatus{
		Role: "Active", Term: 7, Incarnation: "secondary/0e6f0a0e-6c5c-4f7b-9a8e-0d8f3c1d2b4a/8d1f22aa",
		Fence: contract.FenceBPF, ConfigurationHash: strings.Repeat("a", 64),
		Obstacles: []string{"the firewall has no ruleset in force"},
		Health: []contract.UnitHealth{
			{Name: "Firewall", Healthy: true},
			{Name: "probe/gateway", Message: "no answer"},
		},
		Classes: []contract.UnitClass{{
			Name: "ConnectionCache", State: contract.ClassInSync, Since: contract.Time{Time: at}, Entries: new(int64(500_000)),
		}},
		LastFailover: &contract.FailoverRecord{
			From: contract.Primary, To: contract.Secondary, Term: 7, Cause: contract.CauseSilence,
			Time:            contract.MicroTime{Time: at},
			Steps:           []contract.FailoverStep{{Name: "Detected", Microseconds: 351_000}, {Name: "Claimed"}},
			ConnectionsHeld: new(int64(500_000)),
		},
		Conditions: []contract.Condition{{
			Type: "FenceArmed", Status: "True", Reason: "BPF", Message: "armed", LastTransitionTime: contract.Time{Time: at},
		}},
	}
}

// The status has one shape, which the contract and the API both describe: the API serves clients, and the contract
// knows no Kubernetes types.
func TestUnitStatusIsThatOfHAUnit(t *testing.T) {
	expectSameFields(t, "status", reflect.TypeFor[contract.UnitStatus](), reflect.TypeFor[v1alpha1.HAUnitStatus]())

	for name, status := range map[string]contract.UnitStatus{
		"full":            fullStatus(),
		"empty":           {},
		"failover":        {LastFailover: &contract.FailoverRecord{To: contract.Primary, Cause: contract.CauseUnknown}},
		"no time":         {Classes: []contract.UnitClass{{}}},
		"a whole second":  {LastFailover: &contract.FailoverRecord{Time: contract.MicroTime{Time: time.Unix(1, 0)}}},
		"a health check":  {Health: []contract.UnitHealth{{}}},
		"an odd fraction": {Conditions: []contract.Condition{{LastTransitionTime: contract.Time{Time: time.Unix(1, 5)}}}},
	} {
		t.Run(name, func(t *testing.T) {
			written := marshal(t, status)
			var read v1alpha1.HAUnitStatus
			unmarshalStrictly(t, written, &read)
			if got := marshal(t, read); got != written {
				t.Errorf("the API writes    %s\nthe contract writes %s", got, written)
			}
			var again contract.UnitStatus
			unmarshalStrictly(t, marshal(t, read), &again)
			if got := marshal(t, again); got != written {
				t.Errorf("read back as %s\ninstead of   %s", got, written)
			}
		})
	}
}

// unused are the fields of metav1.Condition that a unit does not set.
var unused = map[string]bool{"status.conditions[].observedGeneration": true}

// expectSameFields compares the JSON names and the kinds of all fields, to any depth.
func expectSameFields(t *testing.T, path string, a, b reflect.Type) {
	t.Helper()
	for a.Kind() == reflect.Pointer && b.Kind() == reflect.Pointer {
		a, b = a.Elem(), b.Elem()
	}
	switch {
	case b == reflect.TypeFor[metav1.Time](), b == reflect.TypeFor[metav1.MicroTime]():
		if a.Name() != b.Name() {
			t.Errorf("%s is %s in the contract and %s in the API", path, a, b)
		}
	case a.Kind() != b.Kind():
		t.Errorf("%s is %s in the contract and %s in the API", path, a, b)
	case a.Kind() == reflect.Slice:
		expectSameFields(t, path+"[]", a.Elem(), b.Elem())
	case a.Kind() == reflect.Struct:
		ours, theirs := fields(a), fields(b)
		for name, field := range ours {
			other, ok := theirs[name]
			if !ok {
				t.Errorf("the API has no %s.%s", path, name)
				continue
			}
			expectSameFields(t, path+"."+name, field, other)
		}
		for name := range theirs {
			if _, ok := ours[name]; !ok && !unused[path+"."+name] {
				t.Errorf("the contract has no %s.%s", path, name)
			}
		}
	}
}

func fields(of reflect.Type) map[string]reflect.Type {
	all := map[string]reflect.Type{}
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		all[name] = field.Type
	}
	return all
}

func marshal(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func unmarshalStrictly(t *testing.T, text string, into any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func TestParseUnitStatus(t *testing.T) {
	parsed, err := contract.ParseUnitStatus([]byte(marshal(t, fullStatus())))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := marshal(t, parsed), marshal(t, fullStatus()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	later := []byte(`{"mood": "good", "role": "Observing", "fence": "Hardware"}`)
	if _, err := contract.ParseUnitStatus(later); err != nil {
		t.Errorf("a status of a later release: %v", err)
	}
}

func TestUnitStatusValidate(t *testing.T) {
	for want, change := range map[string]func(*contract.UnitStatus){
		"term: -1 is not within 0":                  func(s *contract.UnitStatus) { s.Term = -1 },
		"term: 2147483648 is not within 0":          func(s *contract.UnitStatus) { s.Term = 1 << 31 },
		`incarnation: "primary" is not`:             func(s *contract.UnitStatus) { s.Incarnation = "primary" },
		"lastFailover.term: 0 is not within 1":      func(s *contract.UnitStatus) { s.LastFailover.Term = 0 },
		`lastFailover.to: "tertiary" is not a unit`: func(s *contract.UnitStatus) { s.LastFailover.To = "tertiary" },
		"lastFailover.time must be set": func(s *contract.UnitStatus) {
			s.LastFailover.Time = contract.MicroTime{}
		},
		"lastFailover.steps[1].microseconds must not be": func(s *contract.UnitStatus) {
			s.LastFailover.Steps[1].Microseconds = -1
		},
		"lastFailover.connectionsHeld: -1 must not be": func(s *contract.UnitStatus) {
			s.LastFailover.ConnectionsHeld = new(int64(-1))
		},
	} {
		s := fullStatus()
		change(&s)
		if _, err := contract.ParseUnitStatus([]byte(marshal(t, s))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// The API server rejects a status that is out of bounds as a whole, and a unit must always be able to report.
func TestBounded(t *testing.T) {
	s := fullStatus()
	for i := range 100 {
		s.Health = append(s.Health, contract.UnitHealth{Name: fmt.Sprint(i), Message: strings.Repeat("ü", 2000)})
		s.Conditions = append(s.Conditions, contract.Condition{Message: strings.Repeat("x", 2000)})
		s.LastFailover.Steps = append(s.LastFailover.Steps, contract.FailoverStep{})
	}
	before := marshal(t, s)
	cut := s.Bounded()
	if marshal(t, s) != before {
		t.Error("the original was changed")
	}
	if len(cut.Health) != 64 || len(cut.Conditions) != 16 || len(cut.LastFailover.Steps) != 16 {
		t.Errorf("%d checks, %d conditions, %d steps", len(cut.Health), len(cut.Conditions), len(cut.LastFailover.Steps))
	}
	for _, text := range []string{cut.Health[5].Message, cut.Conditions[5].Message} {
		if len(text) > 1024 || len(text) < 1020 || !strings.HasSuffix(text, "…") || strings.ToValidUTF8(text, "?") != text {
			t.Errorf("%d bytes, which end with %q", len(text), text[len(text)-6:])
		}
	}
	if got := fullStatus().Bounded(); marshal(t, got) != marshal(t, fullStatus()) {
		t.Errorf("a status within bounds became %s", marshal(t, got))
	}
}
