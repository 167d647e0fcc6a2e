package cluster

import (
	"fmt"
	"strconv"
	"time"

	"github.com/hapair-io/hapair/test/benchmark/internal/figures"
)

// notes explain the table.
const notes = `
Times are in milliseconds. UDP: the longest gap in a stream of a packet each millisecond, by the server's clock. TCP:
the longest silence on a connection with a message each 5 ms. The sender repeats lost messages after a timeout of TCP,
which doubles each time. p99 is the nearest rank: with fewer than 100 runs it is the maximum. lost: the median of the
packets lost. broken: connections that ended. both: runs in which two units forwarded at once. busy: runs that began
although the machine was not quiet.
`

// table returns a table with one row for each event and interval.
func table(events []event, intervals []int, samples []sample) string {
	header := []string{
		"event, heartbeat", "runs", "UDP p50", "p99", "min", "max", "TCP p50", "p99", "min", "max", "lost", "broken", "both",
		"busy",
	}
	var rows [][]string
	for _, e := range events {
		for _, interval := range intervals {
			rows = append(rows, row(e.name, interval, samples))
		}
	}
	return figures.Table(header, rows)
}

func row(event string, interval int, samples []sample) []string {
	var udp, tcp, lost []time.Duration
	broken, both, busy := 0, 0, 0
	for _, s := range samples {
		if s.event != event || s.interval != interval {
			continue
		}
		udp, tcp, lost = append(udp, s.udp), append(tcp, s.tcp), append(lost, time.Duration(s.lost))
		broken += s.broken
		both += min(s.violations, 1)
		if !s.quiet {
			busy++
		}
	}
	cells := []string{fmt.Sprintf("%s, %d ms", event, interval), strconv.Itoa(len(udp))}
	for _, values := range [][]time.Duration{udp, tcp} {
		s := figures.Summarize(values)
		for _, d := range []time.Duration{s.P50, s.P99, s.Min, s.Max} {
			cells = append(cells, figures.Milliseconds(d))
		}
	}
	return append(cells, strconv.Itoa(int(figures.Summarize(lost).P50)), strconv.Itoa(broken), strconv.Itoa(both),
		strconv.Itoa(busy))
}

// judge returns an error if a connection broke, or if two units forwarded at once.
func judge(samples []sample) error {
	broken, both := 0, 0
	for _, s := range samples {
		broken += s.broken
		both += min(s.violations, 1)
	}
	if broken > 0 || both > 0 {
		return fmt.Errorf("%d connections broke, and in %d of %d runs two units forwarded at once", broken, both,
			len(samples))
	}
	return nil
}
