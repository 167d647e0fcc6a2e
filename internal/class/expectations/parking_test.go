package expectations

import (
	"fmt"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// try retries at a time, and returns how many were tried and the remaining time of the last one.
func (p *parking) try(now time.Time, done bool) (tried int, seconds uint32) {
	p.retry(now, func(e conntrack.Expectation) bool {
		tried++
		seconds = e.TimeoutSeconds
		return done
	})
	return tried, seconds
}

func TestParkedAreTriedAtLongerAndLongerPauses(t *testing.T) {
	var p parking
	start := time.Now()
	p.add("a", example(), start)
	var times []time.Duration
	for after := time.Duration(0); after < 20*time.Second; after += retryPause {
		if tried, _ := p.try(start.Add(after), false); tried == 1 {
			times = append(times, after)
		}
	}
	want := []time.Duration{0, 100, 300, 700, 1500, 3100, 6300, 12700}
	if len(times) != len(want) {
		t.Fatalf("tried after %v", times)
	}
	for i := range want {
		if times[i] != want[i]*time.Millisecond {
			t.Errorf("tried after %v, want %d ms", times, want)
		}
	}
	p.makeDue(start.Add(20 * time.Second))
	if tried, seconds := p.try(start.Add(20*time.Second), true); tried != 1 || seconds != 280 || !p.isEmpty() {
		t.Errorf("tried %d with %d s left, empty %t", tried, seconds, p.isEmpty())
	}
}

func TestParkedExpire(t *testing.T) {
	var p parking
	start := time.Now()
	short, long := example(), example()
	short.TimeoutSeconds = 1
	p.add("short", short, start)
	p.add("long", long, start)
	if n := p.expire(start.Add(time.Second)); n != 1 || len(p.entries) != 1 || p.entries[0].key != "long" {
		t.Errorf("%d expired, %d are left", n, len(p.entries))
	}
}

func TestParkingIsBounded(t *testing.T) {
	var p parking
	now := time.Now()
	for i := range maxParked + 3 {
		if lost := p.add(fmt.Sprint(i), example(), now); lost != (i >= maxParked) {
			t.Fatalf("another one was lost for number %d: %t", i, lost)
		}
	}
	if len(p.entries) != maxParked || p.entries[0].key != "3" {
		t.Errorf("%d wait, the first is %s", len(p.entries), p.entries[0].key)
	}
	if p.add("3", example(), now); len(p.entries) != maxParked {
		t.Errorf("%d wait after a change of one", len(p.entries))
	}
	p.prune(func(key string) bool { return key == "7" })
	if p.remove("8"); len(p.entries) != 1 {
		t.Errorf("%d wait, want 1", len(p.entries))
	}
	if p.clear(); !p.isEmpty() {
		t.Error("some wait")
	}
}
