package replication

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// costs are what processes and the link between the routers have taken so far.
type costs struct {
	cpu   time.Duration
	bytes uint64
}

// spent reads what a system has taken so far.
func spent(t testing.TB, s system) (c costs) {
	t.Helper()
	for _, pid := range s.processes() {
		cpu, err := processorTime(pid)
		if err != nil {
			t.Fatal(err)
		}
		c.cpu += cpu
	}
	c.bytes = carried(t, s.network().Primary, "sync0").both()
	return c
}

// processorTime is what a process has used, of user and system time, all its threads together. The kernel has a clock
// for each process (clock_getcpuclockid(3)), which is finer than the hundredths of a second in /proc.
func processorTime(pid int) (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &ts); err != nil {
		return 0, fmt.Errorf("reading the processor's time of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}

// idle is how much of a processor a system takes that has nothing to do, as a part of one.
func idle(t testing.TB, s system, lasting time.Duration) float64 {
	t.Helper()
	before, begun := spent(t, s), time.Now()
	pause(t, lasting)
	return float64(spent(t, s).cpu-before.cpu) / float64(time.Since(begun))
}

// usage is the memory of a process, in bytes: what it has, and the most that it ever had.
type usage struct{ resident, peak int }

// memoryOf reads VmRSS and VmHWM, see proc_pid_status(5).
func memoryOf(pid int) (u usage, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[2] != "kB" {
			continue
		}
		kilobytes, err := strconv.Atoi(fields[1])
		if err != nil {
			return u, fmt.Errorf("unknown format of status: %q", line)
		}
		switch fields[0] {
		case "VmRSS:":
			u.resident = kilobytes << 10
		case "VmHWM:":
			u.peak = kilobytes << 10
		}
	}
	if u.resident == 0 || u.peak == 0 {
		return u, fmt.Errorf("process %d tells no memory", pid)
	}
	return u, nil
}

// weigh notes the memory of both ends.
func (s *Sample) weigh(t testing.TB, of system) {
	t.Helper()
	for i, pid := range of.processes() {
		u, err := memoryOf(pid)
		if err != nil {
			t.Fatal(err)
		}
		s.Resident[i], s.Peak[i] = float64(u.resident)/(1<<20), float64(u.peak)/(1<<20)
	}
}
