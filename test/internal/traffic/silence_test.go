package traffic_test

import (
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/internal/traffic"
)

var start = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)

func instant(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }

func at(ms ...int) []traffic.Tick {
	var all []traffic.Tick
	for i, m := range ms {
		all = append(all, traffic.Tick{At: instant(m), Number: uint64(i + 1)})
	}
	return all
}

func TestLongest(t *testing.T) {
	for name, c := range map[string]struct {
		heard    []traffic.Tick
		from, to int
		begins   int
		length   time.Duration
		open     bool
	}{
		"the longest of several":             {at(0, 5, 10, 60, 65, 80, 85), 0, 85, 10, 50, false},
		"one that began before":              {at(0, 5, 300, 305), 50, 305, 5, 295, false},
		"an earlier one does not count":      {at(0, 400, 405, 410, 420), 402, 420, 410, 10, false},
		"one that ended with from":           {at(0, 400, 405), 400, 405, 400, 5, false},
		"one that goes on":                   {at(0, 5, 10), 5, 900, 10, 890, true},
		"nothing was ever heard":             {nil, 5, 900, 5, 895, true},
		"nothing was heard since":            {at(0, 1), 5, 900, 1, 899, true},
		"what came later is not looked at":   {at(0, 5, 10, 500), 0, 12, 0, 5, false},
		"the one after the end is not whole": {at(0, 5, 10, 500), 0, 400, 10, 390, true},
	} {
		t.Run(name, func(t *testing.T) {
			got := traffic.Longest(c.heard, instant(c.from), instant(c.to))
			want := traffic.Silence{From: instant(c.begins), Length: c.length * time.Millisecond, Open: c.open}
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestFlowing(t *testing.T) {
	const pause = 20 * time.Millisecond
	for name, c := range map[string]struct {
		heard []traffic.Tick
		now   int
		want  time.Time
	}{
		"since the last pause": {at(0, 5, 10, 100, 105, 110), 115, instant(100)},
		"from the beginning":   {at(0, 5, 10), 12, instant(0)},
		"not now":              {at(0, 5, 10), 100, time.Time{}},
		"never":                {nil, 100, time.Time{}},
	} {
		if got := traffic.Flowing(c.heard, instant(c.now), pause); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

func TestMissing(t *testing.T) {
	numbers := func(all ...uint64) []traffic.Tick {
		var heard []traffic.Tick
		for i, n := range all {
			heard = append(heard, traffic.Tick{At: instant(i), Number: n})
		}
		return heard
	}
	for name, c := range map[string]struct {
		heard []traffic.Tick
		from  int
		want  int
	}{
		"none":                       {numbers(1, 2, 3, 4), 1, 0},
		"after the event":            {numbers(1, 2, 5, 6), 1, 2},
		"just at the event":          {numbers(1, 2, 5, 6), 2, 0},
		"before the event":           {numbers(1, 4, 5, 6), 2, 0},
		"out of order":               {numbers(1, 2, 4, 3, 5), 0, 0},
		"an old one comes late":      {numbers(1, 3, 4, 2, 5), 2, 0},
		"the first was not heard":    {numbers(7, 8), -5, 0},
		"nothing was heard at all":   {nil, 0, 0},
		"nothing was heard any more": {numbers(1, 2), 9, 0},
	} {
		if got := traffic.Missing(c.heard, instant(c.from)); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}
