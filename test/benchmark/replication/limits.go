package replication

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/connections"
)

// limits measures what every system must do: receive the event of a new connection from one kernel, and write the
// connection into another one. It works in batches, and nothing else uses the two tables.
var limits = scenario{
	name: "limits", systems: []string{kernel}, measure: measureLimits,
	columns: []column{
		{"connections", func(s Sample) float64 { return float64(s.Made) }, "%.0f"},
		{"µs to receive", func(s Sample) float64 { return s.Receive }, "%.2f"},
		{"µs to write", func(s Sample) float64 { return s.Write }, "%.2f"},
	},
	remark: distances,
}

// kernel is the name of the kernel in place of a system.
const kernel = "kernel"

const (
	// limitBatch is the number of connections that are created before they are received: far fewer than a socket buffers.
	limitBatch = 512
	limitMost  = 200_000
)

func measureLimits(t testing.TB, o Options, _ system, sample *Sample) {
	reporter, written := testbed.NewNamespace(t, "reporter"), testbed.NewNamespace(t, "written")
	source, sink := connections.Open(t, reporter), connections.Open(t, written)
	var listener *conntrack.Listener
	err := reporter.Do(func() (err error) {
		listener, err = conntrack.Listen(conntrack.Selection{})
		return err
	})
	if err != nil {
		t.Fatalf("Listening in %s: %v", reporter.Name, err)
	}
	defer func() { _ = listener.Close() }()

	runtime.LockOSThread() // the thread's processor time then measures this work alone
	defer runtime.UnlockOSThread()
	var receiving, writing time.Duration
	for sample.Made < min(o.Flows, limitMost) {
		connections.Create(t, source, sample.Made, limitBatch)
		receiving += threadTime(t, func() error { return receive(t, listener, limitBatch) })
		requests := make([]conntrack.Request, limitBatch)
		for i := range requests {
			requests[i] = conntrack.Request{Operation: conntrack.Create, Flow: connections.Flow(sample.Made + i)}
		}
		results := make([]conntrack.Result, 0, limitBatch)
		writing += threadTime(t, func() (err error) {
			results, err = sink.Do(requests, results)
			return err
		})
		if at := slices.IndexFunc(results, func(r conntrack.Result) bool { return r.Err != nil }); at >= 0 {
			t.Fatalf("Writing a connection: %v", results[at].Err)
		}
		sample.Made += limitBatch
	}
	sample.Receive = float64(receiving.Nanoseconds()) / 1000 / float64(sample.Made)
	sample.Write = float64(writing.Nanoseconds()) / 1000 / float64(sample.Made)
}

// receive receives a number of events.
func receive(t testing.TB, listener *conntrack.Listener, events int) error {
	for events > 0 {
		got, _, err := listener.Receive(t.Context())
		if err != nil {
			return err
		}
		events -= len(got)
	}
	return nil
}

// threadTime returns the processor time that the calling thread uses for do.
func threadTime(t testing.TB, do func() error) time.Duration {
	t.Helper()
	var before, after unix.Timespec
	err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &before)
	if err == nil {
		err = do()
	}
	if err == nil {
		err = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &after)
	}
	if err != nil {
		t.Fatalf("Measuring processor time: %v", err)
	}
	return time.Duration(after.Nano() - before.Nano())
}

// distances compares each system's processor time per connection with that of the kernel alone.
func distances(all []Sample) string {
	mine := slices.DeleteFunc(slices.Clone(all), func(s Sample) bool { return s.System != kernel })
	_, own, _ := spread(mine, func(s Sample) float64 { return s.Receive + s.Write })
	var b strings.Builder
	measured := slices.DeleteFunc(slices.Clone(all), func(s Sample) bool { return s.Scenario != events.name })
	for _, at := range places(measured) {
		for _, name := range events.systems {
			if theirs := of(measured, name, at); len(theirs) > 0 {
				_, cpu, _ := spread(theirs, processorMicroseconds)
				fmt.Fprintf(&b, "  CPU of %s%s: %.2f µs, %.1f × the kernel's own %.2f\n", name, at, cpu, cpu/own, own)
			}
		}
	}
	return b.String()
}
