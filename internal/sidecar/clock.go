package sidecar

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// BootTime is the boot clock: it never jumps, is the same for every process of the machine, and advances while the
// machine is suspended, in which time a permit runs out like in any other.
func BootTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		// Every Linux since 2.6.39 has this clock. Without one nothing here is safe to go on.
		panic(fmt.Sprintf("reading CLOCK_BOOTTIME: %v", err))
	}
	return time.Duration(ts.Nano())
}
