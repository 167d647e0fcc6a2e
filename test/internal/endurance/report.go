package endurance

import (
	"fmt"
	"io"
	"time"
)

// Report is what became of one kind of traffic.
type Report struct {
	// Kind names it.
	Kind string
	// Passed and Lost count what was carried since Forget, in the Unit.
	Passed, Lost uint64
	Unit         string
	// Gap is the longest time since Forget in which nothing came that should have come.
	Gap time.Duration
	// Err says why it did not survive. It is nil when everything came that must, unchanged, on the same connection.
	Err error
}

// Print writes the report for a person.
func (r Report) Print(w io.Writer) {
	_, _ = fmt.Fprintf(w, "  %-28s longest gap %7.1f ms, %d %s passed, %d lost\n",
		r.Kind, float64(r.Gap.Microseconds())/1000, r.Passed, r.Unit, r.Lost)
	if r.Err != nil {
		_, _ = fmt.Fprintf(w, "  %-28s BROKEN: %v\n", "", r.Err)
	}
}
