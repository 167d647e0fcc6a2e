package tracer

import (
	"testing"
	"time"
)

var (
	macA = Station{2, 0, 0, 0, 0, 0xa}
	macB = Station{2, 0, 0, 0, 0, 0xb}
)

func forwarded(routers string) []Forwarded {
	var all []Forwarded
	for i, r := range routers {
		all = append(all, Forwarded{At: time.Unix(0, 0).Add(time.Duration(i) * time.Millisecond), Router: string(r)})
	}
	return all
}

func TestFindTakeovers(t *testing.T) {
	for routers, want := range map[string]struct {
		changes, late int
		overlap       time.Duration
	}{
		"":          {},
		"AAAA":      {},
		"AAABBB":    {changes: 1},
		"AAABABBB":  {changes: 3, late: 1, overlap: time.Millisecond},
		"AAABBBA":   {changes: 2, late: 1, overlap: 3 * time.Millisecond},
		"AAABBBAAA": {changes: 2, late: 3, overlap: 5 * time.Millisecond},
	} {
		got := FindTakeovers(forwarded(routers), 0)
		if len(got.Changes) != want.changes || got.Late != want.late || got.Overlap != want.overlap {
			t.Errorf("%s: got %+v, want %+v", routers, got, want)
		}
	}
	if got := FindTakeovers(forwarded("AABABA"), time.Millisecond); got.Late != 1 || got.Overlap != 3*time.Millisecond {
		t.Errorf("with grace: %+v", got)
	}
	change := FindTakeovers(forwarded("AAB"), 0).Changes[0]
	if change.From != "A" || change.To != "B" || change.First.Sub(change.Last) != time.Millisecond {
		t.Errorf("got %+v", change)
	}
}

func TestByOrdersAndNamesPackets(t *testing.T) {
	at := func(n int64) time.Time { return time.Unix(0, n) }
	got := By(map[Station]string{macA: "A", macB: "B"},
		[]Packet{{At: at(1), Source: macA}, {At: at(4), Source: macB}, {At: at(5), Source: macB, Outgoing: true}},
		[]Packet{{At: at(2), Source: macB}, {At: at(3), Source: Station{9}}})
	text := ""
	for _, f := range got {
		text += f.Router
	}
	if text != "ABB" || !FirstBy(got, "B").Equal(at(2)) || !LastBy(got, "B").Equal(at(4)) || !LastBy(got, "C").IsZero() {
		t.Errorf("got %+v", got)
	}
}
