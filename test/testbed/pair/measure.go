package pair

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/hapair-io/hapair/test/testbed"
)

// Footprint is what a unit's process holds on to. It must not grow with what the process has done.
type Footprint struct {
	Goroutines, Files int
	// Resident is the memory that the process has, in bytes (VmRSS), once what it needs no more is given back.
	Resident int
}

// footprint looks at the own process.
func footprint() (Footprint, error) {
	debug.FreeOSMemory()
	f := Footprint{Goroutines: runtime.NumGoroutine()}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return f, err
	}
	f.Files = len(files) - 1 // the folder itself was open
	memory, err := testbed.MemoryOf(os.Getpid())
	f.Resident = memory.Resident
	return f, err
}

// String says it in words.
func (f Footprint) String() string {
	return fmt.Sprintf("%d goroutines, %d files, %.1f MiB", f.Goroutines, f.Files, float64(f.Resident)/(1<<20))
}

// Measure is what the unit's process holds on to.
func (u *Unit) Measure() Footprint {
	u.t.Helper()
	return *u.must(order{Do: doMeasure}).Footprint
}
