package chaos

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hapair-io/hapair/test/internal/cpuload"
)

// Outcome is what one fault did to the role of a pair.
type Outcome struct {
	// Provoked is how many changes of role the fault may cause. Changes is how many there were.
	Provoked, Changes int64
	// Before is how many changes of role there were between the fault before and this one, while nothing was wrong.
	Before int64
	// Gap is the longest gap of the stream.
	Gap time.Duration
	// Failed is set if the fault had another effect than expected, of any kind.
	Failed bool
}

// unprovoked returns how many changes of role no fault has caused.
func (o Outcome) unprovoked() int64 { return max(o.Changes-o.Provoked, 0) + o.Before }

// Round is one run of all faults.
type Round struct {
	outcomes []Outcome
	begun    cpuload.Usage
	usage    cpuload.Load
	waiting  []float64
}

// BeginRound begins to measure the load of the machine.
func BeginRound() (*Round, error) {
	begun, err := cpuload.Now()
	return &Round{begun: begun}, err
}

// Add records an outcome and the load of the machine until now.
func (r *Round) Add(o Outcome) error {
	r.outcomes = append(r.outcomes, o)
	now, err := cpuload.Now()
	if err != nil {
		return err
	}
	r.usage = now.Since(r.begun)
	waiting, err := loadAverage()
	r.waiting = append(r.waiting, waiting)
	return err
}

// loadAverage returns how many threads ran or waited for a processor in the last minute, see proc_loadavg(5).
func loadAverage() (float64, error) {
	const file = "/proc/loadavg"
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), " ")
	load, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", file, err)
	}
	return load, nil
}

// sum holds the totals of a round.
type sum struct {
	faults, failed                int
	provoked, changes, unprovoked int64
	// gap is the longest gap of a fault that changed no role, gapOfChange that of the others.
	gap, gapOfChange time.Duration
}

func (s *sum) add(o Outcome) {
	s.faults++
	if o.Failed {
		s.failed++
	}
	s.provoked += o.Provoked
	s.changes += o.Changes + o.Before
	s.unprovoked += o.unprovoked()
	if o.Provoked == 0 && o.Changes == 0 {
		s.gap = max(s.gap, o.Gap)
	} else {
		s.gapOfChange = max(s.gapOfChange, o.Gap)
	}
}

// cells returns the totals as cells of the table.
func (s *sum) cells(name string) []string {
	return []string{
		name, strconv.Itoa(s.faults), strconv.Itoa(s.failed), strconv.FormatInt(s.provoked, 10),
		strconv.FormatInt(s.changes, 10), strconv.FormatInt(s.unprovoked, 10), millis(s.gap), millis(s.gapOfChange),
	}
}

// PrintRounds writes a line for each round, and one for all of them.
func PrintRounds(w io.Writer, rounds []*Round) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(cells ...string) { _, _ = fmt.Fprintln(table, strings.Join(cells, "\t")+"\t") }
	row("run", "faults", "failed", "may change role", "changed role", "UNPROVOKED", "gap without change", "gap of others",
		"busy", "stolen", "load")
	var all sum
	for i, r := range rounds {
		var one sum
		load := 0.0
		for j, o := range r.outcomes {
			one.add(o)
			all.add(o)
			load = max(load, r.waiting[j])
		}
		row(append(one.cells(strconv.Itoa(i+1)), fmt.Sprintf("%.2f", r.usage.Busy), fmt.Sprintf("%.2f", r.usage.Steal),
			fmt.Sprintf("%.1f", load))...)
	}
	row(append(all.cells("all"), "", "", "")...)
	_ = table.Flush()
	_, _ = fmt.Fprint(w, "busy, stolen: processors on average; load: the highest load average of a minute\n")
}
