package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/benchmark/internal/figures"
	"github.com/hapair-io/hapair/test/benchmark/internal/harness"
	"github.com/hapair-io/hapair/test/testbed"
)

// Options configure the benchmark.
type Options struct {
	// Times is how often each damage is done.
	Times int
	// Progress receives the table.
	Progress io.Writer
}

// measurement is one row of the table.
type measurement struct {
	what string
	// measure returns how long each of the damages lasted.
	measure func(t testing.TB, times int) []time.Duration
}

// measurements are the rows of the table, in their order.
var measurements = []measurement{
	{"IPv4 address removed", removedIPv4},
	{"IPv6 address removed", removedIPv6},
	{"own IPv4 address removed", removedOwn(ownIPv4)},
	{"own IPv6 address removed", removedOwn(ownIPv6)},
	{"all addresses flushed", flushed},
	{"MAC address changed", changedMAC},
	{"connected route removed", removedRoute},
	{"local route of an IPv4 address removed", removedLocalRoute(ipv4)},
	{"local route of an IPv6 address removed", removedLocalRoute(ipv6)},
	{"rule of the data plane removed", removedRule},
	{"kernel's rule for the local table removed", removedKernelRule(unix.RT_TABLE_LOCAL)},
	{"kernel's rule for the main table removed", removedKernelRule(unix.RT_TABLE_MAIN)},
	{"route of the firewall removed", removedStaticRoute},
	{"route of the firewall changed", changedStaticRoute},
	{"rules flushed", flushedRules(false)},
	{"rules flushed, gate of nftables", flushedRules(true)},
	{"rules flushed: last packet passed", closedAfterFlush(false)},
	{"rules flushed: last packet passed, gate of nftables", closedAfterFlush(true)},
}

// Run measures everything and prints a table. It must run in a network namespace of its own.
func Run(ctx context.Context, o Options) error {
	switch {
	case os.Geteuid() != 0:
		return errors.New("network namespaces need root")
	case o.Times < 1:
		return fmt.Errorf("%d times: it must be at least 1", o.Times)
	}
	var rows [][]string
	for _, m := range measurements {
		var lasted []time.Duration
		var stalled time.Duration
		err := harness.Run(ctx, m.what, func(string) {}, func(t testing.TB) {
			stalls := testbed.WatchStalls(t)
			lasted, stalled = m.measure(t, o.Times), stalls.Longest()
		})
		if err != nil {
			return fmt.Errorf("%s: %w", m.what, err)
		}
		s := figures.Summarize(lasted)
		rows = append(rows, []string{
			m.what, fmt.Sprint(s.Runs), figures.Milliseconds(s.P50), figures.Milliseconds(s.P99), figures.Milliseconds(s.Max),
			figures.Milliseconds(stalled),
		})
	}
	columns := []string{"back after", "times", "p50 ms", "p99 ms", "max ms", "machine stalled, max ms"}
	_, err := fmt.Fprint(o.Progress, figures.Table(columns, rows))
	return err
}
