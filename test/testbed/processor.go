package testbed

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// ProcessorTime is what a process has used, of user and system time, all its threads together. The kernel has a clock
// for each process (clock_getcpuclockid(3)), which is finer than the hundredths of a second in /proc.
func ProcessorTime(pid int) (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &ts); err != nil {
		return 0, fmt.Errorf("reading the processor's time of process %d: %w", pid, err)
	}
	return time.Duration(ts.Nano()), nil
}
