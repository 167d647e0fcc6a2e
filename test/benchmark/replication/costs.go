package replication

import (
	"testing"
	"time"

	"github.com/hapair-io/hapair/test/testbed"
)

// costs are the processor time of the processes and the traffic on the link between the routers.
type costs struct {
	cpu   time.Duration
	bytes uint64
}

// spent returns the costs of a system so far.
func spent(t testing.TB, s system) (c costs) {
	t.Helper()
	for _, pid := range s.processes() {
		cpu, err := testbed.ProcessorTime(pid)
		if err != nil {
			t.Fatal(err)
		}
		c.cpu += cpu
	}
	c.bytes = carried(t, s.network().Primary, "sync0").both()
	return c
}

// idle returns the share of a processor that a system uses without work.
func idle(t testing.TB, s system, lasting time.Duration) float64 {
	t.Helper()
	before, begun := spent(t, s), time.Now()
	testbed.Pause(t, lasting)
	return float64(spent(t, s).cpu-before.cpu) / float64(time.Since(begun))
}

// weigh records the memory of both ends.
func (s *Sample) weigh(t testing.TB, of system) {
	t.Helper()
	for i, pid := range of.processes() {
		m, err := testbed.MemoryOf(pid)
		if err != nil {
			t.Fatal(err)
		}
		s.Resident[i], s.Peak[i] = float64(m.Resident)/(1<<20), float64(m.Peak)/(1<<20)
	}
}
