package endurance

import (
	"fmt"
	"io"
	"time"
)

// Report describes what happened to one kind of traffic.
type Report struct {
	// Kind is the name of the traffic. Run sets it.
	Kind string
	// Passed and Lost count what was carried since Reset, in the Unit.
	Passed, Lost uint64
	Unit         string
	// Gap is the longest silence since Reset in which something should have arrived.
	Gap time.Duration
	// Err is why the traffic did not survive. It is nil if everything required arrived unchanged on the same connection.
	Err error
}

// Print writes the report for people.
func (r Report) Print(w io.Writer) {
	_, _ = fmt.Fprintf(w, "  %-28s longest gap %7.1f ms, %d %s passed, %d lost\n",
		r.Kind, float64(r.Gap.Microseconds())/1000, r.Passed, r.Unit, r.Lost)
	if r.Err != nil {
		_, _ = fmt.Fprintf(w, "  %-28s BROKEN: %v\n", "", r.Err)
	}
}
