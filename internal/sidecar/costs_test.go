package sidecar

import (
	"testing"
	"time"
)

// The status is written again for a cost that has doubled, and not for smaller changes.
func TestCostsAreNewsWhenTheirOrderChanges(t *testing.T) {
	now := time.Unix(1000, 0)
	cost := ClassCost{}
	c := newCosts(func() map[string]ClassCost { return map[string]ClassCost{"FTP": cost} })
	if c.measure(now) {
		t.Error("nothing is news")
	}
	if entries, rate := c.report("FTP"); entries != nil || rate != nil {
		t.Errorf("unknown costs are reported as %v, %v", entries, rate)
	}
	entries := int64(0)
	cost.Entries = &entries
	for _, step := range []struct {
		bytes   uint64
		entries int64
		isNews  bool
		rate    int64
	}{
		{0, 0, false, 0},
		{6000, 0, true, 100},
		{6600, 0, false, 110},
		{12_000, 0, true, 200},
		{12_000, 5, true, 200},
		{12_000, 7, false, 200},
		{12_000, 8, true, 200},
		{0, 8, true, 0},
	} {
		now = now.Add(time.Minute)
		cost.SentBytes += step.bytes
		n := step.entries
		cost.Entries = &n
		if got := c.measure(now); got != step.isNews {
			t.Errorf("%+v is news: %t", step, got)
		}
		if step.isNews {
			entries, rate := c.report("FTP")
			if *entries != step.entries || *rate != step.rate {
				t.Errorf("%+v is reported as %d, %d", step, *entries, *rate)
			}
		}
	}
}
