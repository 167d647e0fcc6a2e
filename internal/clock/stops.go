package clock

import "time"

const (
	// noise is how far two exact readings may disagree. A shorter stop is not found; the peer's margin covers it.
	noise = 2 * time.Millisecond
	// drift is the part of the time by which the rates of the clocks may change, as the margin of a grant allows.
	drift = 100
	// firstWindow is how long the counter's rate is measured before it is used, and window how often it is measured again.
	firstWindow = 100 * time.Millisecond
	window      = time.Second
	// slowest and fastest bound a plausible rate in ticks a nanosecond.
	slowest, fastest = 0.1, 10.0
	// maxStops is how many stops may follow each other within window. A counter that shows more has another rate.
	maxStops = 3
	// maxRestarts is how often the rate is measured from the beginning before the counter is given up.
	maxRestarts = 8
)

// Reading is what both clocks showed at one instant.
type Reading struct {
	Boot  time.Duration
	Ticks uint64
}

// Outcome is what a reading shows.
type Outcome uint8

const (
	// Agreed means that the clocks agree, or that the rate of the counter is not known yet.
	Agreed Outcome = iota
	// Stopped means that the boot clock stood still while the counter continued.
	Stopped
	// Restarted means that the counter is implausible and that its rate is measured from the beginning.
	Restarted
	// GivenUp means that the counter was implausible too often. It is not used any more.
	GivenUp
)

// Stops finds stops of the boot clock. It is a value: Step does not change its receiver. The zero value is ready.
type Stops struct {
	isStarted bool
	// rate is in ticks a nanosecond of the boot clock; zero until it was measured.
	rate float64
	// from is the reading since which the rate is measured, and last the one before.
	from, last Reading
	// stoppedAt and stops count the stops that follow each other within window.
	stoppedAt time.Duration
	stops     int
	restarts  int
}

// Step takes a reading. If the boot clock was stopped since the last one, it returns for how long.
//
// Only a difference that arises between two readings is a stop. What arises slowly is a change of a rate, which NTP
// causes on the boot clock, and which is measured.
func (s Stops) Step(r Reading) (Stops, Outcome, time.Duration) {
	switch {
	case s.restarts > maxRestarts:
		return s, GivenUp, 0
	case !s.isStarted:
		s.isStarted, s.from, s.last = true, r, r
		return s, Agreed, 0
	case r.Boot < s.last.Boot || r.Ticks < s.last.Ticks:
		return s.restart(r)
	case s.rate == 0:
		s.last = r
		return s.measure(r, firstWindow)
	}
	elapsed := r.Boot - s.last.Boot
	gap := time.Duration(float64(r.Ticks-s.last.Ticks)/s.rate) - elapsed
	tolerance := noise + elapsed/drift
	s.last = r
	switch {
	case gap < -tolerance:
		return s.restart(r)
	case gap > tolerance:
		return s.stop(r, gap)
	default:
		return s.measure(r, window)
	}
}

// stop notes a stop, and measures the rate from its end.
func (s Stops) stop(r Reading, gap time.Duration) (Stops, Outcome, time.Duration) {
	if s.stops == 0 || r.Boot-s.stoppedAt > window {
		s.stops = 0
	}
	s.stops++
	if s.stops > maxStops {
		return s.restart(r)
	}
	s.stoppedAt, s.from = r.Boot, r
	return s, Stopped, gap
}

// measure measures the rate if the window is over.
func (s Stops) measure(r Reading, length time.Duration) (Stops, Outcome, time.Duration) {
	elapsed := r.Boot - s.from.Boot
	if elapsed < length {
		return s, Agreed, 0
	}
	rate := float64(r.Ticks-s.from.Ticks) / float64(elapsed)
	if rate < slowest || rate > fastest {
		return s.restart(r)
	}
	s.rate, s.from = rate, r
	return s, Agreed, 0
}

// restart forgets everything but how often it did.
func (s Stops) restart(r Reading) (Stops, Outcome, time.Duration) {
	s = Stops{restarts: s.restarts + 1, isStarted: true, from: r, last: r}
	if s.restarts > maxRestarts {
		return s, GivenUp, 0
	}
	return s, Restarted, 0
}
