package replication

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hapair-io/hapair/test/benchmark/internal/figures"
)

// column is one figure of a table.
type column struct {
	title string
	of    func(Sample) float64
	shown string
}

// Columns of several tables.
var (
	reachedColumn = column{"reached/s", func(s Sample) float64 { return s.Reached }, "%.0f"}
	missingColumn = column{"missing", missing, "%.0f"}
	memoryColumns = []column{
		{"MiB active", func(s Sample) float64 { return s.Resident[0] }, "%.0f"},
		{"MiB standby", func(s Sample) float64 { return s.Resident[1] }, "%.0f"},
	}
	peakColumns = []column{
		{"peak MiB active", func(s Sample) float64 { return s.Peak[0] }, "%.0f"},
		{"peak MiB standby", func(s Sample) float64 { return s.Peak[1] }, "%.0f"},
	}
)

func missing(s Sample) float64 { return float64(s.Missing) }

// place identifies a row of a table: the case and the rate.
type place struct {
	name string
	rate int
}

func (p place) String() string {
	text := ""
	if p.rate > 0 {
		text = fmt.Sprintf(" at %d/s", p.rate)
	}
	if p.name != "" {
		text += ", " + p.name
	}
	return text
}

// Report returns the tables, and whether the targets are met.
func Report(samples []Sample) string {
	var b strings.Builder
	for _, s := range scenarios {
		mine := slices.DeleteFunc(slices.Clone(samples), func(x Sample) bool { return x.Scenario != s.name })
		if len(mine) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s\n\n%s", s.name, s.table(mine))
		for _, at := range places(mine) {
			b.WriteString(s.judge(mine, at))
		}
		if s.remark != nil {
			b.WriteString(s.remark(samples))
		}
		b.WriteString("\n")
	}
	b.WriteString(`Each figure is the median of all rounds, with the minimum and the maximum. CPU: user and
system time of both ends per connection, without their use when idle. idle: share of a processor, in thousandths.
bytes: traffic on the link between the routers per connection, in both directions, with headers.
`)
	return b.String()
}

func places(samples []Sample) []place {
	var all []place
	for _, s := range samples {
		if p := (place{s.Case, s.Rate}); !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}

// table returns a table with a row for each system in each place.
func (s scenario) table(samples []Sample) string {
	header := []string{"system"}
	if len(s.cases) > 0 {
		header = append(header, "case")
	}
	if s.atRates {
		header = append(header, "rate/s")
	}
	header = append(header, "rounds")
	for _, c := range s.columns {
		header = append(header, c.title)
	}
	var rows [][]string
	for _, at := range places(samples) {
		for _, name := range s.systems {
			if mine := of(samples, name, at); len(mine) > 0 {
				rows = append(rows, s.row(name, at, mine))
			}
		}
	}
	return figures.Table(header, rows)
}

func (s scenario) row(name string, at place, samples []Sample) []string {
	row := []string{name}
	if len(s.cases) > 0 {
		row = append(row, at.name)
	}
	if s.atRates {
		row = append(row, fmt.Sprint(at.rate))
	}
	row = append(row, fmt.Sprint(len(samples)))
	for _, c := range s.columns {
		low, mid, high := spread(samples, c.of)
		cell := fmt.Sprintf(c.shown, mid)
		if low != high {
			cell += fmt.Sprintf(" ("+c.shown+"–"+c.shown+")", low, high)
		}
		row = append(row, cell)
	}
	return row
}

// of returns the samples of a system in one place.
func of(samples []Sample, name string, at place) []Sample {
	return slices.DeleteFunc(slices.Clone(samples), func(s Sample) bool {
		return s.System != name || place{s.Case, s.Rate} != at
	})
}

// spread returns the minimum, the median and the maximum of a figure.
func spread(samples []Sample, of func(Sample) float64) (low, mid, high float64) {
	var all []float64
	for _, s := range samples {
		all = append(all, of(s))
	}
	slices.Sort(all)
	return all[0], all[len(all)/2], all[len(all)-1]
}
