package failover

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hapair-io/hapair/test/benchmark/internal/figures"
)

func formatMilliseconds(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 3, 64)
}

// notes explain the tables.
const notes = `
Times are in milliseconds. gap: the longest time in which the client received nothing, with a datagram each millisecond.
TCP: the same for a connection with a message each 5 ms. TCP repeats lost messages after a timeout, which doubles each
time. No router can shorten that addition to the gap. p99 is the nearest rank: with fewer than 100 runs it is the
maximum. noise: the median of the longest gap in the two seconds before the event. kept: runs in which all connections
survived. RST: TCP resets at client and server. late: packets that one router forwarded after the other had begun to,
over all runs. stale: how long, in the worst run, the former active forwarded packets to its MAC address after the other
had begun to forward. disturbed: how often the pair changed before the event; such runs are repeated. lost: datagrams
of each millisecond that did not come back after the event, over all runs.
`

// String returns one line of progress.
func (s Sample) String() string {
	line := fmt.Sprintf("%-10s %-11s %-48s run %2d", s.Scenario, s.System, s.Setting, s.Run)
	if s.Error != "" {
		return line + ": FAILED: " + s.Error
	}
	line += fmt.Sprintf(": gap %s, TCP %s, noise %s/%s, lost %d datagrams, quiet %t after %s ms, %.1f processors busy",
		ms(s.UDP), ms(s.TCP), ms(s.NoiseUDP), ms(s.NoiseTCP), s.Missing, s.Quiet, ms(s.QuietAfter), s.Load.Busy)
	for _, extra := range []struct {
		what string
		show bool
		text string
	}{
		{"broken", len(s.Lost) > 0, strings.Join(s.Lost, "+")},
		{"RST", s.Resets > 0, strconv.Itoa(s.Resets)},
		{"late", s.Late > 0, fmt.Sprintf("%d packets over %s", s.Late, ms(s.Overlap))},
		{"stale", s.Stale > 0, ms(s.Stale)},
		{"closed", s.Closed > 0, ms(s.Closed)},
		{"second gap", s.After > 0, ms(s.After)},
		{"writes/s", s.WritesPerSecond > 0, strconv.FormatFloat(s.WritesPerSecond, 'f', 3, 64)},
	} {
		if extra.show {
			line += ", " + extra.what + " " + extra.text
		}
	}
	return line
}

func ms(d Milliseconds) string { return figures.Milliseconds(time.Duration(d)) }

// row summarizes the runs of one variant.
type row struct {
	variant
	gap, tcp, noise, closed, after figures.Summary
	runs, failed, kept             int
	resets, late, disturbed        int
	missing                        int
	stale                          time.Duration
	writes                         float64
}

func rowOf(s scenario, v variant, samples []Sample) row {
	r := row{variant: v}
	var gap, tcp, noise, closed, after []time.Duration
	for _, m := range samples {
		if m.Scenario != s.name || m.System != v.system || m.Setting != v.setting {
			continue
		}
		r.runs++
		r.disturbed += m.Disturbed
		if m.Error != "" {
			r.failed++
			continue
		}
		gap, tcp = append(gap, time.Duration(m.UDP)), append(tcp, time.Duration(m.TCP))
		noise, closed = append(noise, time.Duration(m.NoiseUDP)), append(closed, time.Duration(m.Closed))
		after = append(after, time.Duration(m.After))
		if len(m.Lost) == 0 {
			r.kept++
		}
		r.resets += m.Resets
		r.late += m.Late
		r.missing += m.Missing
		r.stale = max(r.stale, time.Duration(m.Stale))
		r.writes = max(r.writes, m.WritesPerSecond)
	}
	r.gap, r.tcp, r.noise = figures.Summarize(gap), figures.Summarize(tcp), figures.Summarize(noise)
	r.closed, r.after = figures.Summarize(closed), figures.Summarize(after)
	return r
}

// report returns a table for each scenario that was run, and its verdicts.
func report(wanted []scenario, samples []Sample) string {
	var b strings.Builder
	for _, s := range wanted {
		if !slices.ContainsFunc(samples, func(m Sample) bool { return m.Scenario == s.name }) {
			continue
		}
		var rows []row
		for _, v := range s.variants {
			rows = append(rows, rowOf(s, v, samples))
		}
		fmt.Fprintf(&b, "\n%s: %s\n\n%s", s.name, s.title, table(rows))
		for _, line := range verdicts(rows) {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return b.String()
}

func table(rows []row) string {
	header := []string{
		"system", "runs", "gap p50", "p99", "min", "max", "TCP p50", "p99", "noise", "kept", "lost", "RST", "late", "stale",
		"disturbed",
	}
	var cells [][]string
	for _, r := range rows {
		cells = append(cells, []string{
			r.name(), runsOf(r),
			figures.Milliseconds(r.gap.P50), figures.Milliseconds(r.gap.P99),
			figures.Milliseconds(r.gap.Min), figures.Milliseconds(r.gap.Max),
			figures.Milliseconds(r.tcp.P50), figures.Milliseconds(r.tcp.P99), figures.Milliseconds(r.noise.P50),
			fmt.Sprintf("%d/%d", r.kept, r.gap.Runs), strconv.Itoa(r.missing), strconv.Itoa(r.resets), strconv.Itoa(r.late),
			figures.Milliseconds(r.stale), strconv.Itoa(r.disturbed),
		})
	}
	return figures.Table(header, cells)
}

func runsOf(r row) string {
	if r.failed == 0 {
		return strconv.Itoa(r.runs)
	}
	return fmt.Sprintf("%d (%d failed)", r.runs, r.failed)
}

// verdicts returns lines that compare the figures with the targets and with the other system.
func verdicts(rows []row) []string {
	var lines []string
	for _, r := range rows {
		if r.gap.Runs == 0 {
			continue
		}
		for _, v := range r.judge(rows) {
			lines = append(lines, r.name()+": "+v)
		}
	}
	return lines
}

// judge returns one line for each target of the row.
func (r row) judge(rows []row) []string {
	var lines []string
	bound := func(what string, got, wanted time.Duration) {
		if wanted > 0 {
			lines = append(lines, fmt.Sprintf("%s %s ms, at most %s wanted: %s", what, figures.Milliseconds(got),
				figures.Milliseconds(wanted), figures.Verdict(got <= wanted)))
		}
	}
	wanted := r.target
	bound("gap p50", r.gap.P50, wanted.p50)
	bound("gap p99", r.gap.P99, wanted.p99)
	bound("longest gap", r.gap.Max, wanted.max)
	bound("gate closed after the last acknowledgement", r.closed.Max, wanted.closed)
	bound("gap of the failover after it", r.after.Max, wanted.after)
	if wanted.noLoss {
		lines = append(lines, fmt.Sprintf("%d datagrams lost, none wanted: %s", r.missing, figures.Verdict(r.missing == 0)))
	}
	if wanted.writesPerSecond > 0 {
		lines = append(lines, fmt.Sprintf("%.3f writes/s to the API server, at most %g wanted: %s", r.writes,
			wanted.writesPerSecond, figures.Verdict(r.writes <= wanted.writesPerSecond)))
	}
	if wanted.kept {
		lines = append(lines, fmt.Sprintf("connections kept in %d of %d runs, %d resets: %s", r.kept, r.gap.Runs, r.resets,
			figures.Verdict(r.kept == r.gap.Runs && r.resets == 0)))
	}
	if r.system == systemHapair {
		lines = append(lines, fmt.Sprintf("%d packets forwarded by two at once, none wanted: %s", r.late,
			figures.Verdict(r.late == 0 && r.stale == 0)))
	}
	for _, other := range rows {
		if r.against != "" && other.setting == r.against && other.gap.Runs > 0 {
			line := fmt.Sprintf("%s with %s: %s as long", other.system, other.setting,
				figures.Ratio(other.gap.P50, r.gap.P50))
			if wanted.ratio > 0 {
				line += fmt.Sprintf(", at least %g× wanted: %s", wanted.ratio,
					figures.Verdict(float64(other.gap.P50) >= wanted.ratio*float64(r.gap.P50)))
			}
			lines = append(lines, line)
		}
	}
	return lines
}
