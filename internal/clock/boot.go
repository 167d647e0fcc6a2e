package clock

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Boot returns the boot clock. It never jumps, is the same for every process of the machine, and advances while the
// machine is suspended, since a permit also expires then. It may not advance while a hypervisor stops the machine.
func Boot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		// Every Linux since 2.6.39 has this clock. Without one it is not safe to continue.
		panic(fmt.Sprintf("reading CLOCK_BOOTTIME: %v", err))
	}
	return time.Duration(ts.Nano())
}
