package tracer

import (
	"fmt"
	"time"
)

// Holder is a unit that held the Lease. The caller chooses the names of the units.
type Holder struct {
	// Unit held the Lease. It is empty if the change was missed, so that any unit may have held it.
	Unit string
	// Term is that of the holder, for messages.
	Term int64
}

// Verdict is the rule that was broken.
type Verdict uint8

const (
	// Interleaved means that two stations forwarded alternately, faster than takeovers can follow each other.
	Interleaved Verdict = iota + 1
	// WithoutLease means that a unit forwarded although it did not hold the Lease at that point of the order.
	WithoutLease
	// Unknown means that a station forwarded that belongs to no unit.
	Unknown
	// Overflow means that there were more changes than could be recorded.
	Overflow
)

func (v Verdict) String() string {
	switch v {
	case Interleaved:
		return "two units forwarded at once"
	case WithoutLease:
		return "a unit forwarded without holding the Lease"
	case Unknown:
		return "a station that belongs to no unit forwarded"
	case Overflow:
		return "more changes than can be recorded"
	default:
		return fmt.Sprintf("verdict %d", uint8(v))
	}
}

// Violation is one break of a rule, with the evidence.
type Violation struct {
	Verdict Verdict
	At      time.Time
	Detail  string
}

func (v Violation) String() string { return v.Verdict.String() + ": " + v.Detail }

// FindViolations returns what was wrong about the forwarders. The function name returns the unit of a station. The
// holders of the Lease are in order and begin with the one at the start.
//
// The order of the forwarders must be contained in that of the holders. A unit that held the Lease need not have
// forwarded. A unit must not forward without having held the Lease, and not again before it holds it again.
func FindViolations(f *Forwarders, name func(Station) (unit string, known bool), holders []Holder) []Violation {
	segments := f.Segments()
	violations := interleaved(segments, name)
	violations = append(violations, withoutLease(segments, name, holders)...)
	if f.Omitted() > 0 {
		last := segments[len(segments)-1]
		violations = append(violations, Violation{
			Verdict: Overflow, At: last.Last,
			Detail: fmt.Sprintf("%d packets after %d changes of the forwarder", f.Omitted(), len(segments)-1),
		})
	}
	return violations
}

// interleaved finds stations that come back at once. A series of quick changes is one violation.
func interleaved(segments []Segment, name func(Station) (string, bool)) []Violation {
	var violations []Violation
	for i := 2; i < len(segments); i++ {
		if !returns(segments, i) {
			continue
		}
		first := i
		for i+1 < len(segments) && returns(segments, i+1) {
			i++
		}
		before, back := segments[first-2], segments[first]
		violations = append(violations, Violation{
			Verdict: Interleaved, At: segments[first-1].First,
			Detail: fmt.Sprintf("%s, %s later %s, %s after that %s again; %d changes in %s",
				displayName(before, name), round(segments[first-1].First.Sub(before.Last)), displayName(segments[first-1], name),
				round(back.First.Sub(segments[first-1].First)), displayName(back, name), i-first+2,
				round(segments[i].First.Sub(segments[first-1].First))),
		})
	}
	return violations
}

// returns reports whether a segment belongs to the station before the last, which was interrupted for a moment only.
func returns(segments []Segment, i int) bool {
	return segments[i-2].Station == segments[i].Station && segments[i].First.Sub(segments[i-1].First) < Settled
}

func displayName(s Segment, name func(Station) (string, bool)) string {
	if unit, known := name(s.Station); known {
		return unit
	}
	return s.Station.String()
}

// withoutLease matches each segment with the earliest holder that fits. If any matching exists, this one does too.
func withoutLease(segments []Segment, name func(Station) (string, bool), holders []Holder) []Violation {
	var violations []Violation
	at := 0
	for _, s := range segments {
		unit, known := name(s.Station)
		if !known {
			violations = append(violations, Violation{
				Verdict: Unknown, At: s.First, Detail: fmt.Sprintf("%s, %d packets", s.Station, s.Packets),
			})
			continue
		}
		next := at
		for next < len(holders) && holders[next].Unit != unit && holders[next].Unit != "" {
			next++
		}
		if next == len(holders) {
			violations = append(violations, Violation{
				Verdict: WithoutLease, At: s.First,
				Detail: fmt.Sprintf("%s, %d packets, while the Lease went %s", unit, s.Packets, describe(holders)),
			})
			continue
		}
		at = next
		if holders[at].Unit == "" {
			holders = pin(holders, at, unit)
		}
	}
	return violations
}

// pin returns the holders with an unknown one fixed to a unit, so that no other unit takes it.
func pin(holders []Holder, at int, unit string) []Holder {
	pinned := append([]Holder(nil), holders...)
	pinned[at].Unit = unit
	return pinned
}

func describe(holders []Holder) string {
	text := ""
	for i, t := range holders {
		if i > 0 {
			text += " → "
		}
		unit := t.Unit
		if unit == "" {
			unit = "?"
		}
		text += fmt.Sprintf("%s (term %d)", unit, t.Term)
	}
	if text == "" {
		return "not observed"
	}
	return text
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
