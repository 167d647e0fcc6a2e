package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of a UnitStatus. The CRD of HAUnit repeats them; a test compares the two.
const (
	MaxUnitObstacles   = 16
	MaxUnitHealth      = 64
	MaxUnitClasses     = 64
	MaxUnitConditions  = 16
	MaxFailoverSteps   = 16
	MaxNameLength      = 63
	MaxCheckNameLength = 127
	MaxMessageLength   = 1024
)

// UnitStatus is what a unit reports about itself. Its JSON is that of an HAUnit's status; a test compares the two types
// in both directions.
type UnitStatus struct {
	// Role is the name of an ha.Role.
	Role string `json:"role,omitempty"`
	Term int64  `json:"term,omitempty"`
	// Incarnation is <unit>/<UID of the pod>/<random>.
	Incarnation       string `json:"incarnation,omitempty"`
	Fence             Fence  `json:"fence,omitempty"`
	ConfigurationHash string `json:"configurationHash,omitempty"`
	// Obstacles are what keeps a unit without a role from becoming active.
	Obstacles []string `json:"obstacles,omitempty"`
	// Health has one entry for each thing that the unit monitors, and Classes one for each class that it replicates.
	Health       []UnitHealth    `json:"health,omitempty"`
	Classes      []UnitClass     `json:"classes,omitempty"`
	LastFailover *FailoverRecord `json:"lastFailover,omitempty"`
	Conditions   []Condition     `json:"conditions,omitempty"`
}

// CheckFirewall is the name of the health check of the firewall.
const CheckFirewall = "Firewall"

// CheckDataPlane is the name of the health check of the routes and rules of the traffic interfaces.
const CheckDataPlane = "DataPlane"

// CheckNeighbours is the name of the entry about static neighbours that the segments contradict. It does not move the
// role.
const CheckNeighbours = "Neighbours"

// CheckForeignRules is the name of the entry about chains of other programs that see the unit's packets. It is healthy,
// and only there if there are such chains.
const CheckForeignRules = "ForeignRules"

// CheckRoutes is the name of the health check of the routes of the firewall's document.
const CheckRoutes = "Routes"

// CheckOfNetwork returns the name of the health check of a network's interface.
func CheckOfNetwork(name string) string { return "network/" + name }

// CheckOfAddresses returns the name of the health check of a network's virtual addresses.
func CheckOfAddresses(network string) string { return "addresses/" + network }

// CheckOfProbe returns the name of the health check of a probe.
func CheckOfProbe(name string) string { return "probe/" + name }

// UnitHealth is the result of one health check.
type UnitHealth struct {
	Name    string `json:"name"`
	Healthy bool   `json:"healthy"`
	Message string `json:"message,omitempty"`
}

// UnitClass is one class of replicated state as the unit sees it.
type UnitClass struct {
	Name  string `json:"name"`
	State string `json:"state"`
	// Since is when the class entered the state.
	Since Time `json:"since"`
	// Entries is how many entries the unit held when it wrote the status; nil if it does not know.
	Entries *int64 `json:"entries,omitempty"`
	// BytesPerSecond is how much of the class's state the unit sent in the minute before the last measurement; nil if it
	// does not know.
	BytesPerSecond *int64 `json:"bytesPerSecond,omitempty"`
}

// The states of a class.
const (
	ClassInSync        = "InSync"
	ClassSynchronizing = "Synchronizing"
	ClassDisconnected  = "Disconnected"
	ClassTableFull     = "TableFull"
)

// Condition is a metav1.Condition.
type Condition struct {
	Type               string `json:"type"`
	Status             string `json:"status"`
	LastTransitionTime Time   `json:"lastTransitionTime"`
	Reason             string `json:"reason"`
	Message            string `json:"message"`
}

// FailoverRecord describes one change of the active unit, as the unit that became active measured it.
type FailoverRecord struct {
	// From is the unit that was active before; empty if it is not known or did not exist. To became active.
	From  string `json:"from,omitempty"`
	To    string `json:"to"`
	Term  int64  `json:"term"`
	Cause Cause  `json:"cause"`
	// Time is when the promotion ended, by the clock of the unit.
	Time  MicroTime      `json:"time"`
	Steps []FailoverStep `json:"steps,omitempty"`
	// ConnectionsHeld is how many connections the unit's kernel held when it became active; nil if it could not count.
	ConnectionsHeld *int64 `json:"connectionsHeld,omitempty"`
}

// FailoverStep is one step of a promotion. Only package ha knows the names.
type FailoverStep struct {
	Name         string `json:"name"`
	Microseconds int64  `json:"microseconds"`
}

// ParseUnitStatus decodes and validates a status. It ignores fields that this release does not know.
func ParseUnitStatus(document []byte) (UnitStatus, error) {
	var s UnitStatus
	if err := decode(document, &s); err != nil {
		return UnitStatus{}, fmt.Errorf("decoding the status of a unit: %w", err)
	}
	return s, s.Validate()
}

// Validate reports everything that is implausible in the status.
func (s UnitStatus) Validate() error {
	var errs []error
	if s.Term < 0 || s.Term > math.MaxInt32 {
		errs = append(errs, fmt.Errorf("term: %d is not within 0 and %d", s.Term, math.MaxInt32))
	}
	if s.Incarnation != "" && strings.Count(s.Incarnation, "/") != 2 {
		errs = append(errs, fmt.Errorf("incarnation: %.100q is not <unit>/<UID of the pod>/<random>", s.Incarnation))
	}
	if s.LastFailover != nil {
		errs = append(errs, s.LastFailover.validate()...)
	}
	return errors.Join(errs...)
}

func (r FailoverRecord) validate() []error {
	var errs []error
	if r.Term < 1 || r.Term > math.MaxInt32 {
		errs = append(errs, fmt.Errorf("lastFailover.term: %d is not within 1 and %d", r.Term, math.MaxInt32))
	}
	if r.To != Primary && r.To != Secondary {
		errs = append(errs, fmt.Errorf("lastFailover.to: %.32q is not a unit of a pair", r.To))
	}
	if r.Time.IsZero() {
		errs = append(errs, errors.New("lastFailover.time must be set"))
	}
	for i, step := range r.Steps {
		if step.Microseconds < 0 {
			errs = append(errs, fmt.Errorf("lastFailover.steps[%d].microseconds must not be negative", i))
		}
	}
	if held := r.ConnectionsHeld; held != nil && *held < 0 {
		errs = append(errs, fmt.Errorf("lastFailover.connectionsHeld: %d must not be negative", *held))
	}
	return errs
}

// Bounded returns the status cut to the bounds of the CRD. The API server would otherwise reject the whole status.
func (s UnitStatus) Bounded() UnitStatus {
	s.Obstacles = bounded(s.Obstacles, MaxUnitObstacles)
	for i := range s.Obstacles {
		s.Obstacles[i] = cut(s.Obstacles[i], MaxMessageLength)
	}
	s.Health = bounded(s.Health, MaxUnitHealth)
	for i := range s.Health {
		s.Health[i].Name = cut(s.Health[i].Name, MaxCheckNameLength)
		s.Health[i].Message = cut(s.Health[i].Message, MaxMessageLength)
	}
	s.Classes = bounded(s.Classes, MaxUnitClasses)
	s.Conditions = bounded(s.Conditions, MaxUnitConditions)
	for i := range s.Conditions {
		s.Conditions[i].Message = cut(s.Conditions[i].Message, MaxMessageLength)
	}
	if s.LastFailover != nil {
		last := *s.LastFailover
		last.Steps = bounded(last.Steps, MaxFailoverSteps)
		s.LastFailover = &last
	}
	return s
}

// bounded returns a copy of the first entries of a list.
func bounded[T any](list []T, limit int) []T {
	return append([]T(nil), list[:min(len(list), limit)]...)
}

// cut returns a text of at most limit bytes, which ends with an ellipsis if it had more.
func cut(text string, limit int) string {
	const ellipsis = "…"
	if len(text) <= limit {
		return text
	}
	end := limit - len(ellipsis)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + ellipsis
}

// Time is an instant whose JSON has seconds, as that of metav1.Time. The zero value is null.
type Time struct{ time.Time }

// MarshalJSON writes the instant in UTC.
func (t Time) MarshalJSON() ([]byte, error) { return marshalTime(t.Time, time.RFC3339) }

// microTimeFormat is metav1.RFC3339Micro.
const microTimeFormat = "2006-01-02T15:04:05.000000Z07:00"

// MicroTime is an instant whose JSON has microseconds, as that of metav1.MicroTime. The zero value is null.
type MicroTime struct{ time.Time }

// MarshalJSON writes the instant in UTC.
func (t MicroTime) MarshalJSON() ([]byte, error) { return marshalTime(t.Time, microTimeFormat) }

func marshalTime(t time.Time, format string) ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return json.Marshal(t.UTC().Format(format))
}
