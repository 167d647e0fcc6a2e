package pair

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
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
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return f, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "VmRSS:" {
			kilobytes, err := strconv.Atoi(fields[1])
			f.Resident = kilobytes << 10
			return f, err
		}
	}
	return f, errors.New("the kernel tells no memory of this process")
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
