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

var columns = map[string][]column{
	"events": {
		{"reached/s", func(s Sample) float64 { return s.Reached }, "%.0f"},
		{"missing", func(s Sample) float64 { return float64(s.Missing) }, "%.0f"},
		{"CPU µs", func(s Sample) float64 { return s.CPU }, "%.1f"},
		{"bytes", func(s Sample) float64 { return s.Bytes }, "%.0f"},
		{"MiB active", func(s Sample) float64 { return s.Resident[0] }, "%.0f"},
		{"MiB standby", func(s Sample) float64 { return s.Resident[1] }, "%.0f"},
	},
	"lag": {
		{"reached/s", func(s Sample) float64 { return s.Reached }, "%.0f"},
		{"missing", func(s Sample) float64 { return float64(s.Missing) }, "%.0f"},
		{"p50 ms", func(s Sample) float64 { return s.LagP50 }, "%.2f"},
		{"p99 ms", func(s Sample) float64 { return s.LagP99 }, "%.2f"},
	},
	"resync": {
		{"connections", func(s Sample) float64 { return float64(s.Made) }, "%.0f"},
		{"seconds", func(s Sample) float64 { return s.Filled }, "%.2f"},
		{"MiB active", func(s Sample) float64 { return s.Resident[0] }, "%.0f"},
		{"MiB standby", func(s Sample) float64 { return s.Resident[1] }, "%.0f"},
	},
}

// target is a figure of hapair's that is wanted, as a part of another system's.
type target struct {
	scenario, against, what string
	of                      func(Sample) float64
	most                    float64
}

var targets = []target{
	{"events", cached, "CPU", func(s Sample) float64 { return s.CPU }, 0.6},
	{"events", direct, "CPU", func(s Sample) float64 { return s.CPU }, 0.25},
	{"events", cached, "bytes a record", func(s Sample) float64 { return s.Bytes }, 0.5},
	{"lag", direct, "lag p50", func(s Sample) float64 { return s.LagP50 }, 1},
	{"lag", direct, "lag p99", func(s Sample) float64 { return s.LagP99 }, 1},
	{"resync", cached, "time to fill a standby", func(s Sample) float64 { return s.Filled }, 0.35},
}

// Report is the tables and what they come to.
func Report(samples []Sample) string {
	var b strings.Builder
	for _, s := range scenarios {
		of := slices.DeleteFunc(slices.Clone(samples), func(x Sample) bool { return x.Scenario != s.name })
		if len(of) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s\n\n%s", s.name, tableOf(s.name, of))
		for _, rate := range ratesOf(of) {
			judge(&b, s.name, rate, of)
		}
		b.WriteString("\n")
	}
	b.WriteString(`Medians, and the smallest and the largest of all rounds. CPU: user and system time of both ends for each
connection that was made. bytes: what the link between the routers carried for each, both ways, headers included.
`)
	return b.String()
}

func ratesOf(samples []Sample) []int {
	var rates []int
	for _, s := range samples {
		if !slices.Contains(rates, s.Rate) {
			rates = append(rates, s.Rate)
		}
	}
	return rates
}

func tableOf(scenario string, samples []Sample) string {
	header := []string{"system", "rate/s", "rounds"}
	for _, c := range columns[scenario] {
		header = append(header, c.title)
	}
	var rows [][]string
	for _, rate := range ratesOf(samples) {
		for _, name := range []string{hapair, cached, direct} {
			of := at(samples, name, rate)
			if len(of) == 0 {
				continue
			}
			row := []string{name, fmt.Sprint(rate), fmt.Sprint(len(of))}
			for _, c := range columns[scenario] {
				low, mid, high := spread(of, c.of)
				cell := fmt.Sprintf(c.shown, mid)
				if low != high {
					cell += fmt.Sprintf(" ("+c.shown+"–"+c.shown+")", low, high)
				}
				row = append(row, cell)
			}
			rows = append(rows, row)
		}
	}
	return figures.Table(header, rows)
}

func at(samples []Sample, name string, rate int) []Sample {
	return slices.DeleteFunc(slices.Clone(samples), func(s Sample) bool { return s.System != name || s.Rate != rate })
}

// spread is the smallest, the middle and the largest of a figure.
func spread(samples []Sample, of func(Sample) float64) (low, mid, high float64) {
	var all []float64
	for _, s := range samples {
		all = append(all, of(s))
	}
	slices.Sort(all)
	return all[0], all[len(all)/2], all[len(all)-1]
}

func judge(b *strings.Builder, scenario string, rate int, samples []Sample) {
	for _, t := range targets {
		ours, theirs := at(samples, hapair, rate), at(samples, t.against, rate)
		if t.scenario != scenario || len(ours) == 0 || len(theirs) == 0 {
			continue
		}
		_, a, _ := spread(ours, t.of)
		_, c, _ := spread(theirs, t.of)
		verdict := "met"
		if a > t.most*c {
			verdict = "MISSED"
		}
		at := ""
		if rate > 0 {
			at = fmt.Sprintf(" at %d/s", rate)
		}
		fmt.Fprintf(b, "  %s%s: %.2f × that of %s, at most %.2f wanted: %s\n", t.what, at, a/c, t.against, t.most, verdict)
	}
}
