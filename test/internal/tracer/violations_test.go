package tracer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The stations of two units, and one that belongs to no unit.
var (
	a = Station{2, 0, 0, 0, 0, 0xa}
	b = Station{2, 0, 0, 0, 0, 0xb}
	x = Station{2, 0, 0, 0, 0, 0xff}

	epoch = time.Unix(1_800_000_000, 0)
)

func nameOf(s Station) (string, bool) {
	switch s {
	case a:
		return "primary", true
	case b:
		return "secondary", true
	default:
		return "", false
	}
}

// span describes a station that forwards once each millisecond for some time.
type span struct {
	station      Station
	from, length time.Duration
}

// play observes spans in the order of arrival. Where they overlap, their packets alternate.
func play(spans ...span) *Forwarders {
	type packet struct {
		station Station
		at      time.Duration
	}
	var packets []packet
	for _, s := range spans {
		for at := s.from; at < s.from+s.length; at += time.Millisecond {
			packets = append(packets, packet{s.station, at})
		}
	}
	slices.SortStableFunc(packets, func(p, q packet) int { return int(p.at - q.at) })
	f := &Forwarders{}
	for _, p := range packets {
		f.Observe(p.station, epoch.Add(p.at))
	}
	return f
}

const (
	ms = time.Millisecond
	us = time.Microsecond
)

func holdersOf(units ...string) []Holder {
	list := make([]Holder, 0, len(units))
	for i, u := range units {
		list = append(list, Holder{Unit: u, Term: int64(i + 1)})
	}
	return list
}

func TestFindViolations(t *testing.T) {
	tests := map[string]struct {
		forwarders *Forwarders
		holders    []Holder
		want       []Verdict
	}{
		"no forwarder":  {play(), holdersOf("primary"), nil},
		"one forwarder": {play(span{a, 0, 900 * ms}), holdersOf("primary"), nil},
		"a takeover": {
			play(span{a, 0, 900 * ms}, span{b, 1300 * ms, 900 * ms}), holdersOf("primary", "secondary"), nil,
		},
		"a switchover without a pause": {
			play(span{a, 0, 900 * ms}, span{b, 900*ms + 300*us, 900 * ms}), holdersOf("primary", "secondary"), nil,
		},
		"a packet in flight is overtaken": {
			play(span{a, 0, 900 * ms}, span{b, 899*ms - 500*us, 900 * ms}), holdersOf("primary", "secondary"), nil,
		},
		"back and forth": {
			play(span{a, 0, 900 * ms}, span{b, 1000 * ms, 900 * ms}, span{a, 2000 * ms, 900 * ms}),
			holdersOf("primary", "secondary", "primary"), nil,
		},
		"a holder that never forwarded": {
			play(span{a, 0, 900 * ms}, span{a, 5000 * ms, 900 * ms}), holdersOf("primary", "secondary", "primary"), nil,
		},
		"a missed change": {
			play(span{a, 0, 900 * ms}, span{b, 1000 * ms, 900 * ms}), holdersOf("primary", "", "secondary"), nil,
		},
		"a missed change counts once": {
			play(span{a, 0, 900 * ms}, span{b, 1000 * ms, 900 * ms}, span{a, 2000 * ms, 900 * ms}),
			holdersOf("primary", ""),
			[]Verdict{WithoutLease},
		},
		"both forward": {
			play(span{a, 0, 900 * ms}, span{b, 880 * ms, 900 * ms}), holdersOf("primary", "secondary"),
			[]Verdict{Interleaved, WithoutLease},
		},
		"both forward, and the Lease has changed often": {
			play(span{a, 0, 900 * ms}, span{b, 896 * ms, 900 * ms}),
			holdersOf("primary", "secondary", "primary", "secondary", "primary", "secondary", "primary", "secondary", "primary"),
			[]Verdict{Interleaved},
		},
		"one packet of a unit that was resumed": {
			play(span{a, 0, 900 * ms}, span{b, 1300 * ms, 5000 * ms}, span{a, 4000*ms + 100*us, ms}),
			holdersOf("primary", "secondary"),
			[]Verdict{Interleaved, WithoutLease},
		},
		"the previous unit continues after the next began, and the next is silent": {
			play(span{a, 0, 900 * ms}, span{b, 900*ms + 100*us, ms}, span{a, 910 * ms, 900 * ms}),
			holdersOf("primary", "secondary"),
			[]Verdict{Interleaved, WithoutLease},
		},
		"a unit that did not hold the Lease": {
			play(span{b, 0, 900 * ms}), holdersOf("primary"), []Verdict{WithoutLease},
		},
		"an unknown station": {
			play(span{a, 0, 900 * ms}, span{x, 950 * ms, 10 * ms}), holdersOf("primary"), []Verdict{Unknown},
		},
		"no Lease was observed": {
			play(span{a, 0, 10 * ms}), nil, []Verdict{WithoutLease},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var got []Verdict
			for _, v := range FindViolations(test.forwarders, nameOf, test.holders) {
				if !slices.Contains(got, v.Verdict) {
					got = append(got, v.Verdict)
				}
				if v.Detail == "" || v.At.IsZero() {
					t.Errorf("%v lacks its time or detail: %q", v.Verdict, v)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, test.want) {
				t.Errorf("verdicts %v, want %v\n%v", got, test.want, test.forwarders.Segments())
			}
		})
	}
}

// A naive check of one takeover remembers every packet. There is an overlap when a packet of the previous unit comes
// more than InFlight after the first of the next.
func TestEveryOverlapIsSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		closed := rapid.Int64Range(1000, 60_000).Draw(t, "the previous unit stops, in µs")
		opened := rapid.Int64Range(1000, 60_000).Draw(t, "the next begins, in µs")
		type packet struct {
			station Station
			at      int64
		}
		var packets []packet
		for _, at := range rapid.SliceOfNDistinct(rapid.Int64Range(0, 61_000), 2, 200, rapid.ID[int64]).Draw(t, "packets") {
			if at <= closed && (at < opened || rapid.Bool().Draw(t, "former")) {
				packets = append(packets, packet{a, at})
			} else if at >= opened {
				packets = append(packets, packet{b, at})
			}
		}
		slices.SortFunc(packets, func(p, q packet) int { return int(p.at - q.at) })

		f, first, overlap := &Forwarders{}, int64(-1), false
		for _, p := range packets {
			f.Observe(p.station, epoch.Add(time.Duration(p.at)*us))
			if p.station == b && first < 0 {
				first = p.at
			}
			if p.station == a && first >= 0 && time.Duration(p.at-first)*us > InFlight {
				overlap = true
			}
		}
		began := holdersOf("primary", "secondary")
		if first >= 0 && packets[0].station == b {
			// The first packet may be one of the next unit. Then any packet of the previous one is too late.
			began = holdersOf("secondary")
			overlap = slices.ContainsFunc(packets, func(p packet) bool { return p.station == a })
		}
		if violations := FindViolations(f, nameOf, began); len(violations) > 0 != overlap {
			t.Fatalf("overlap %t, violations %v", overlap, violations)
		}
	})
}

func TestAlternatingForwardersAreOneViolation(t *testing.T) {
	f := play(span{a, 0, 300 * ms}, span{b, 100 * ms, 100 * ms}, span{b, 500 * ms, 600 * ms}, span{a, 900 * ms, 10 * ms})
	var got []Violation
	for _, v := range FindViolations(f, nameOf, holdersOf("primary")) {
		if v.Verdict == Interleaved {
			got = append(got, v)
		}
	}
	if len(got) != 2 || !got[0].At.Equal(epoch.Add(100*ms)) || !strings.HasPrefix(got[0].Detail, "primary, ") {
		t.Errorf("two overlaps were reported as %v", got)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	f := &Forwarders{}
	for i := range 100_000 {
		f.Observe([]Station{a, b, x}[i%3], epoch.Add(time.Duration(i)*10*ms))
	}
	if n := len(f.Segments()); n > maxSegments {
		t.Errorf("%d segments are stored", n)
	}
	violations := FindViolations(f, nameOf, holdersOf("primary"))
	last := violations[len(violations)-1]
	if last.Verdict != Overflow || !strings.Contains(last.Detail, fmt.Sprint(f.Omitted())) {
		t.Errorf("omitted packets are not reported: %v", last)
	}
}

func TestLatePacketsAreCounted(t *testing.T) {
	f := &Forwarders{}
	f.Observe(a, epoch)
	f.Observe(b, epoch.Add(10*ms))
	f.Observe(a, epoch.Add(11*ms))
	f.Observe(a, epoch.Add(12*ms))
	f.Observe(b, epoch.Add(13*ms))
	segments := f.Segments()
	if len(segments) != 2 || segments[0].Late != 2 || segments[0].LateBy != 2*ms || segments[0].Packets != 3 {
		t.Errorf("segments %+v", segments)
	}
	if segments[0].Last != epoch {
		t.Error("a late packet made the segment overlap the next")
	}
}
