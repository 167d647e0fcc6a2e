package pair

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/hapair-io/hapair/test/testbed"
)

// Footprint is the resources that a unit's process holds. They must not grow over time.
type Footprint struct {
	Goroutines, Files int
	// Resident is the memory of the process in bytes (VmRSS) after a garbage collection.
	Resident int
}

// footprint measures this process.
func footprint() (Footprint, error) {
	debug.FreeOSMemory()
	f := Footprint{Goroutines: runtime.NumGoroutine()}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return f, err
	}
	f.Files = len(files) - 1 // without the folder itself
	memory, err := testbed.MemoryOf(os.Getpid())
	f.Resident = memory.Resident
	return f, err
}

// String returns the values in words.
func (f Footprint) String() string {
	return fmt.Sprintf("%d goroutines, %d files, %.1f MiB", f.Goroutines, f.Files, float64(f.Resident)/(1<<20))
}

// Measure returns the resources of the unit's process.
func (u *Unit) Measure() Footprint {
	u.t.Helper()
	return *u.must(order{Do: doMeasure}).Footprint
}
