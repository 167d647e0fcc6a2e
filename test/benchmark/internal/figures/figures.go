// Package figures summarizes measurements and prints tables.
package figures

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Summary summarizes many measurements of one quantity.
type Summary struct {
	Runs               int
	P50, P99, Min, Max time.Duration
}

// Summarize returns nearest-rank quantiles, which are measured values. With fewer than 100 values the 99th percentile
// is the largest value.
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

// Milliseconds returns a duration as text. It shows tenths below 100 ms, where they are significant.
func Milliseconds(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if math.Abs(ms) < 99.95 {
		return fmt.Sprintf("%.1f", ms)
	}
	return fmt.Sprintf("%.0f", ms)
}

// Ratio returns how many times longer a is than b, as text.
func Ratio(a, b time.Duration) string {
	if b <= 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f×", float64(a)/float64(b))
}

// Verdict returns as text whether a target was met.
func Verdict(met bool) string {
	if met {
		return "met"
	}
	return "MISSED"
}

// Table returns a header and rows as text. Each column is as wide as its widest cell. The first column is left-aligned,
// and all others are right-aligned.
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
