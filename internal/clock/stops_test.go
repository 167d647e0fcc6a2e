package clock

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// bench is a machine whose boot clock and counter are moved by a test.
type bench struct {
	t     *testing.T
	stops Stops
	boot  time.Duration
	ticks float64
	// perNanosecond is the rate of the counter.
	perNanosecond float64
}

func newBench(t *testing.T) *bench {
	return &bench{t: t, boot: time.Hour, ticks: 1e15, perNanosecond: 2.6}
}

// run lets the machine run for a while, with a reading every 10 ms. It returns how long it was stopped by the readings.
func (b *bench) run(d time.Duration) (stopped time.Duration) {
	for ; d > 0; d -= 10 * time.Millisecond {
		b.pass(10*time.Millisecond, 10*time.Millisecond)
		_, by := b.read()
		stopped += by
	}
	return stopped
}

// pass moves the boot clock and the counter, without a reading.
func (b *bench) pass(boot, counter time.Duration) {
	b.boot += boot
	b.ticks += float64(counter) * b.perNanosecond
}

func (b *bench) read() (Outcome, time.Duration) {
	var outcome Outcome
	var by time.Duration
	b.stops, outcome, by = b.stops.Step(Reading{Boot: b.boot, Ticks: uint64(b.ticks)})
	return outcome, by
}

func (b *bench) want(outcome Outcome, by time.Duration) {
	b.t.Helper()
	got, stopped := b.read()
	if got != outcome || (stopped-by).Abs() > time.Millisecond {
		b.t.Errorf("outcome %d with a stop of %s, want %d and %s", got, stopped, outcome, by)
	}
}

func TestStops(t *testing.T) {
	for name, test := range map[string]func(b *bench){
		"a stop of the machine and its clock": func(b *bench) {
			b.run(time.Second)
			b.pass(0, 3*time.Second)
			b.want(Stopped, 3*time.Second)
		},
		"two stops, one after the other": func(b *bench) {
			b.run(time.Second)
			b.pass(time.Millisecond, 301*time.Millisecond)
			b.want(Stopped, 300*time.Millisecond)
			b.pass(50*time.Millisecond, 90*time.Millisecond)
			b.want(Stopped, 40*time.Millisecond)
		},
		"a process that stands still on a machine that runs": func(b *bench) {
			b.run(time.Second)
			b.pass(20*time.Second, 20*time.Second)
			b.want(Agreed, 0)
		},
		"a process that stands still, and the machine stops meanwhile": func(b *bench) {
			b.run(time.Second)
			b.pass(4*time.Second, 6*time.Second)
			b.want(Stopped, 2*time.Second)
		},
		"a stop before the rate is known": func(b *bench) {
			b.pass(0, 3*time.Second)
			b.run(3 * time.Second)
			b.pass(0, time.Second)
			b.want(Stopped, time.Second)
		},
		"a suspended machine whose counter starts again": func(b *bench) {
			b.run(time.Second)
			b.boot, b.ticks = b.boot+time.Minute, 0
			b.want(Restarted, 0)
			b.run(time.Second)
			b.pass(0, time.Second)
			b.want(Stopped, time.Second)
		},
		"a counter that stands still": func(b *bench) {
			b.run(time.Second)
			b.pass(time.Second, 0)
			b.want(Restarted, 0)
		},
		"a boot clock that NTP slows down by 8 %": func(b *bench) {
			b.run(time.Second)
			for range 1000 {
				b.pass(9200*time.Microsecond, 10*time.Millisecond)
				b.want(Agreed, 0)
			}
		},
		"another host, whose counter is faster": func(b *bench) {
			b.run(time.Second)
			b.perNanosecond *= 1.4
			if stopped := b.run(10 * time.Second); stopped > 20*time.Millisecond {
				b.t.Errorf("a counter with another rate counts as a stop of %s", stopped)
			}
		},
		"a counter that is implausible again and again": func(b *bench) {
			for range 100 {
				b.run(200 * time.Millisecond)
				b.ticks = 0
				b.read()
			}
			b.pass(0, time.Second)
			b.want(GivenUp, 0)
		},
	} {
		t.Run(name, func(t *testing.T) { test(newBench(t)) })
	}
}

// TestEveryStopIsFound stops the machine at any time for any length: the sum of what is found is the sum of the stops,
// and nothing is found while the machine runs, at whatever intervals the clocks are read.
func TestEveryStopIsFound(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBench(t)
		b.perNanosecond = rapid.Float64Range(0.5, 5).Draw(r, "rate")
		b.run(time.Second)
		sum, found := time.Duration(0), time.Duration(0)
		for range rapid.IntRange(1, 20).Draw(r, "stops") {
			// At most a few stops follow each other within a second, or the counter counts as implausible.
			for range rapid.IntRange(3, 50).Draw(r, "readings") {
				ran := time.Duration(rapid.Int64Range(1, int64(time.Second)).Draw(r, "ran"))
				slewed := ran + ran*time.Duration(rapid.Int64Range(-500, 500).Draw(r, "ppm"))/1_000_000
				b.pass(slewed, ran)
				if outcome, by := b.read(); outcome != Agreed {
					r.Fatalf("outcome %d and a stop of %s while the machine ran for %s", outcome, by, ran)
				}
			}
			b.run(time.Second)
			stopped := time.Duration(rapid.Int64Range(int64(5*time.Millisecond), int64(time.Hour)).Draw(r, "stopped"))
			b.pass(0, stopped)
			sum += stopped
			outcome, by := b.read()
			if outcome != Stopped {
				r.Fatalf("outcome %d after a stop of %s", outcome, stopped)
			}
			found += by
		}
		if diff := (sum - found).Abs(); diff > 20*time.Millisecond+sum/500 {
			r.Fatalf("the machine was stopped for %s, found were %s", sum, found)
		}
	})
}
