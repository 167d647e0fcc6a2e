package clock

import (
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/hapair-io/hapair/internal/notify"
)

func TestBootAdvances(t *testing.T) {
	before := Boot()
	if after := Boot(); before <= 0 || after < before {
		t.Errorf("the boot clock went from %s to %s", before, after)
	}
}

// TestStopMovesClock stops the boot clock of a machine for three seconds: the unit's clock is ahead of it from then on.
func TestStopMovesClock(t *testing.T) {
	reading := Reading{Boot: time.Hour, Ticks: 1 << 40}
	metrics := NewMetrics(prometheus.NewRegistry())
	c := &Clock{
		Stops: notify.New(), log: logr.Discard(), metrics: metrics, read: func() (Reading, bool) { return reading, true },
	}
	pass := func(boot, counter time.Duration) {
		reading.Boot += boot
		reading.Ticks += uint64(counter) * 3
	}
	for range 200 {
		pass(10*time.Millisecond, 10*time.Millisecond)
		if got := c.Now(); got != reading.Boot {
			t.Fatalf("it is %s while the boot clock shows %s", got, reading.Boot)
		}
	}
	select {
	case <-c.Stops:
		t.Error("a machine that runs counts as stopped")
	default:
	}
	pass(0, 3*time.Second)
	if got := c.Now() - reading.Boot; (got-3*time.Second).Abs() > time.Microsecond || got != c.Ahead() {
		t.Errorf("after a stop of 3 s the clock is ahead by %s, and reports %s", got, c.Ahead())
	}
	select {
	case <-c.Stops:
	default:
		t.Error("the stop is not reported")
	}
	var m dto.Metric
	if err := metrics.stops.Write(&m); err != nil || m.Counter.GetValue() != 1 {
		t.Errorf("%v stops are counted (%v)", m.Counter.GetValue(), err)
	}
}

// TestRealClocks reads the clocks of this machine for a while, and finds that it runs.
func TestRealClocks(t *testing.T) {
	c := New(nil, logr.Discard())
	last := c.Now()
	for begun := time.Now(); time.Since(begun) < 300*time.Millisecond; {
		now := c.Now()
		if now < last {
			t.Fatalf("the clock went from %s back to %s", last, now)
		}
		last = now
	}
	if c.HasCounter() && c.stops.rate == 0 {
		t.Error("the rate of the counter is not known after 300 ms")
	}
}

func TestCounterIsUsedWhereItCounts(t *testing.T) {
	if !hasTicks {
		t.Skip("this architecture has no counter apart from the boot clock's")
	}
	const invariant = "processor\t: 0\nflags\t\t: fpu tsc constant_tsc rep_good nonstop_tsc\n"
	const plain = "processor\t: 0\nflags\t\t: fpu tsc constant_tsc rep_good\n"
	for _, test := range []struct {
		source, processors string
		want               bool
	}{
		{"tsc", invariant, true},
		{"hyperv_clocksource_tsc_page", invariant, true},
		{"kvm-clock", plain, true},
		{"kvm-clock", "", true},
		{"hpet", plain, false},
		{"acpi_pm", "", false},
		{"", "bugs\t: constant_tsc nonstop_tsc\n", false},
	} {
		if got := isCounterUsable(test.source, test.processors); got != test.want {
			t.Errorf("with clock source %q and %q the counter is used: %t", test.source, test.processors, got)
		}
	}
}

func BenchmarkNow(b *testing.B) {
	c := New(nil, logr.Discard())
	for b.Loop() {
		c.Now()
	}
}
