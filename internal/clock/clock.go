package clock

import (
	"os"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/notify"
)

// Clock is the time of a unit. It never goes backwards.
type Clock struct {
	// Stops is set when a stop of the machine was found.
	Stops notify.Signal

	log     logr.Logger
	metrics *Metrics
	// read reads both clocks; nil without a counter.
	read func() (Reading, bool)

	mu    sync.Mutex
	stops Stops
	// ahead is how long the machine was stopped together with its boot clock, in all.
	ahead time.Duration
}

// New returns the clock of this machine, and logs which counter checks it. Metrics may be nil.
func New(metrics *Metrics, log logr.Logger) *Clock {
	c := &Clock{Stops: notify.New(), metrics: metrics, log: log}
	source := kernelClockSource()
	processors, err := os.ReadFile(processorFile)
	if err != nil {
		log.Error(err, "Reading the properties of the processors")
	}
	if !isCounterUsable(source, string(processors)) {
		log.Info("Trusting the boot clock alone, because the processor has no usable counter", "clockSource", source)
		return c
	}
	c.read = readBoth
	log.Info("Checking the boot clock against the processor's counter", "clockSource", source)
	return c
}

// HasCounter reports whether a counter checks the boot clock.
func (c *Clock) HasCounter() bool { return c.read != nil }

// Now returns the unit's time. It looks for a stop of the machine since the last call.
func (c *Clock) Now() time.Duration {
	if c.read == nil {
		return Boot()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r, exact := c.read()
	if !exact {
		return r.Boot + c.ahead // The next reading finds what this one could not tell.
	}
	stops, outcome, stopped := c.stops.Step(r)
	isNew := stops.restarts != c.stops.restarts
	c.stops = stops
	switch outcome {
	case Agreed:
	case Stopped:
		c.ahead += stopped
		c.metrics.stopped(stopped)
		c.log.Info("Machine was stopped together with its boot clock", "stopped", stopped.String())
		c.Stops.Notify()
	case Restarted:
		c.log.Info("Measuring the rate of the processor's counter again, because it does not match the boot clock")
	case GivenUp:
		if isNew {
			c.log.Info("Trusting the boot clock alone from now on, because the processor's counter is implausible")
		}
	}
	return r.Boot + c.ahead
}

// Ahead returns how far Now is ahead of the kernel's boot clock. It does not look for a stop; Now does.
func (c *Clock) Ahead() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead
}

const (
	// widest is how many ticks a reading of the boot clock may take: 50 to 200 µs.
	widest = 200_000
	// attempts is how often a reading that took longer is repeated.
	attempts = 5
)

// readBoth reads the boot clock between two readings of the counter. It returns whether that was quick enough for the
// readings to belong together.
func readBoth() (r Reading, exact bool) {
	for range attempts {
		before := ticks()
		r = Reading{Boot: Boot(), Ticks: before}
		if after := ticks(); after >= before && after-before <= widest {
			return r, true
		}
	}
	return r, false
}
