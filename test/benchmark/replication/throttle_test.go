package replication

import (
	"math"
	"testing"
	"time"
)

func TestBulkRateIsThatOfTheMiddle(t *testing.T) {
	const burst, perTick, ticks = 500, 100, 100
	begun := time.Now()
	readings := []reading{{begun, 7}}
	for i := range ticks {
		readings = append(readings, reading{
			begun.Add(time.Duration(i+1) * 10 * time.Millisecond), 7 + burst + uint64(i+1)*perTick,
		})
	}
	for i := range ticks { // nothing more arrives
		last := readings[len(readings)-1]
		readings = append(readings, reading{last.at.Add(time.Duration(i) * 10 * time.Millisecond), last.bytes})
	}
	if rate := bulkRate(readings); math.Abs(rate-perTick*100) > 1 {
		t.Errorf("%.0f bytes a second, want %d", rate, perTick*100)
	}
	if rate := bulkRate(nil); rate != 0 {
		t.Errorf("%.0f bytes a second of nothing", rate)
	}
}

func TestReportJudgesTheThrottleFromBothSides(t *testing.T) {
	for rate, met := range map[float64]bool{9.4: false, 9.6: true, 10.4: true, 10.6: false} {
		at := place{}
		if _, ok, _ := throttle.targets[0].judge([]Sample{{System: hapair, Throughput: rate}}, nil, at); ok != met {
			t.Errorf("%.1f Mbit/s is judged as %t", rate, ok)
		}
	}
}
