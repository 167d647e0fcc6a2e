package dataplane

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What is undone now and then is no fault. A program that continues without a pause is one, until it
// pauses.
func TestOnlyALongSeriesOfIntrusionsIsAFault(t *testing.T) {
	var i intrusions
	now := time.Now()
	disturb := func(pause time.Duration, times int) (faults int) {
		for range times {
			now = now.Add(pause)
			i.add("Route blackhole", now)
			if strings.Contains(i.fault(now.Add(pause/2)), "Route blackhole") {
				faults++
			}
		}
		return faults
	}
	if n := disturb(time.Second, 100); n != 0 {
		t.Errorf("%d faults with long pauses", n)
	}
	if n := disturb(100*time.Millisecond, 40); n != 0 {
		t.Errorf("%d faults in four seconds", n)
	}
	if n := disturb(100*time.Millisecond, 40); n < 20 {
		t.Errorf("%d faults in the next four seconds", n)
	}
	if fault := i.fault(now.Add(intrusionLasts)); fault != "" {
		t.Errorf("after a pause: %s", fault)
	}
}

// A fault that changed with each intrusion would be logged and published each time.
func TestFaultOfASeriesStaysTheSame(t *testing.T) {
	var i intrusions
	now := time.Now()
	faults := map[string]bool{}
	for n := range 100 {
		now = now.Add(intrusionLasts / 4)
		i.add(fmt.Sprintf("Route %d", n), now)
		if fault := i.fault(now); fault != "" {
			faults[fault] = true
		}
	}
	if len(faults) != 1 {
		t.Errorf("%d faults: %v", len(faults), faults)
	}
}
