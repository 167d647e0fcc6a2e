package tracer

import (
	"fmt"
	"time"
)

// Turn is a change of the Lease's holder. Units are named by whatever the caller likes.
type Turn struct {
	// Unit holds the Lease; empty when the change was missed, so that it may have been any.
	Unit string
	// Term of the holder, for messages.
	Term int64
}

// Verdict is a rule that was broken.
type Verdict uint8

const (
	// Interleaved is that two stations forwarded by turns, faster than takeovers can follow each other.
	Interleaved Verdict = iota + 1
	// OutOfTurn is that a unit forwarded when it was not its turn by the order of the Lease's holders.
	OutOfTurn
	// Stranger is that a station forwarded that belongs to no unit.
	Stranger
	// Overflow is that so many changes were seen that not all could be noted.
	Overflow
)

func (v Verdict) String() string {
	switch v {
	case Interleaved:
		return "two units forwarded at once"
	case OutOfTurn:
		return "a unit forwarded out of turn"
	case Stranger:
		return "a station that is no unit's forwarded"
	case Overflow:
		return "more changes than can be noted"
	default:
		return fmt.Sprintf("verdict %d", uint8(v))
	}
}

// Violation is one break of a rule, with what it was seen by.
type Violation struct {
	Verdict Verdict
	At      time.Time
	Detail  string
}

func (v Violation) String() string { return v.Verdict.String() + ": " + v.Detail }

// Judge says what was wrong about the forwarders, if anything. name finds the unit of a station, and turns are the
// holders of the Lease in their order, the first of them the one at the beginning.
//
// The order of the forwarders must be contained in that of the holders: a unit that held the Lease need not have
// forwarded, yet none forwards that did not hold it, and none forwards again without having got it again.
func Judge(f *Forwarders, name func(Station) (unit string, known bool), turns []Turn) []Violation {
	segments := f.Segments()
	violations := interleaved(segments, name)
	violations = append(violations, outOfTurn(segments, name, turns)...)
	if f.Omitted() > 0 {
		last := segments[len(segments)-1]
		violations = append(violations, Violation{
			Verdict: Overflow, At: last.Last,
			Detail: fmt.Sprintf("%d packets after %d changes of the forwarder", f.Omitted(), len(segments)-1),
		})
	}
	return violations
}

// interleaved finds stations that come back at once. However often they take turns without a rest, it is one violation.
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
				call(before, name), round(segments[first-1].First.Sub(before.Last)), call(segments[first-1], name),
				round(back.First.Sub(segments[first-1].First)), call(back, name), i-first+2,
				round(segments[i].First.Sub(segments[first-1].First))),
		})
	}
	return violations
}

// returns reports whether a segment is of the station before the last, which has been away for a moment only.
func returns(segments []Segment, i int) bool {
	return segments[i-2].Station == segments[i].Station && segments[i].First.Sub(segments[i-1].First) < Settled
}

func call(s Segment, name func(Station) (string, bool)) string {
	if unit, known := name(s.Station); known {
		return unit
	}
	return s.Station.String()
}

// outOfTurn matches segments with turns, each with the earliest that fits: if any matching exists, so does that one.
func outOfTurn(segments []Segment, name func(Station) (string, bool), turns []Turn) []Violation {
	var violations []Violation
	at := 0
	for _, s := range segments {
		unit, known := name(s.Station)
		if !known {
			violations = append(violations, Violation{
				Verdict: Stranger, At: s.First, Detail: fmt.Sprintf("%s, %d packets", s.Station, s.Packets),
			})
			continue
		}
		next := at
		for next < len(turns) && turns[next].Unit != unit && turns[next].Unit != "" {
			next++
		}
		if next == len(turns) {
			violations = append(violations, Violation{
				Verdict: OutOfTurn, At: s.First,
				Detail: fmt.Sprintf("%s, %d packets, while the Lease went %s", unit, s.Packets, describe(turns)),
			})
			continue
		}
		at = next
		if turns[at].Unit == "" {
			turns = pin(turns, at, unit)
		}
	}
	return violations
}

// pin fixes who had an unknown turn, so that no other takes the same.
func pin(turns []Turn, at int, unit string) []Turn {
	pinned := append([]Turn(nil), turns...)
	pinned[at].Unit = unit
	return pinned
}

func describe(turns []Turn) string {
	text := ""
	for i, t := range turns {
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
		return "unseen"
	}
	return text
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
