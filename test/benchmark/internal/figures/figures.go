// Package figures sums up what was measured and prints tables of it.
package figures

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Summary is what many measurements of one thing come to.
type Summary struct {
	Runs               int
	P50, P99, Min, Max time.Duration
}

// Summarize takes nearest-rank quantiles: each is a value that was measured. Of fewer than 100 the 99th percentile is
// therefore the longest.
func Summarize(values []time.Duration) Summary {
	if len(values) == 0 {
		return Summary{}
	}
	sorted := slices.Sorted(slices.Values(values))
	rank := func(q float64) time.Duration {
		return sorted[max(int(math.Ceil(q*float64(len(sorted)))), 1)-1]
	}
	return Summary{Runs: len(sorted), P50: rank(0.5), P99: rank(0.99), Min: sorted[0], Max: sorted[len(sorted)-1]}
}

// Milliseconds prints a duration as a table has it: with a tenth below 100 ms, where it still means something.
func Milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if math.Abs(ms) < 99.95 {
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.0f", ms)
}

// Ratio prints how many times longer a is than b.
func Ratio(a, b time.Duration) string {
	if b <= 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f×", float64(a)/float64(b))
}

// Table prints rows below a header, every column as wide as its widest cell. The first column is flush left, all
// others right.
func Table(header []string, rows [][]string) string {
	widths := make([]int, len(header))
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	line := func(row []string) {
		for i, cell := range row {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString(cell + padding)
			} else {
				b.WriteString("  " + padding + cell)
			}
		}
		b.WriteString("\n")
	}
	line(header)
	for i, width := range widths {
		if i > 0 {
			b.WriteString("  ")
		}
		b.WriteString(strings.Repeat("-", width))
	}
	b.WriteString("\n")
	for _, row := range rows {
		line(row)
	}
	return b.String()
}
