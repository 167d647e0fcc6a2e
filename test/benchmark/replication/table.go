package replication

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/connections"
)

// count is how many entries the connection tracking table of a namespace has.
func count(t testing.TB, n *testbed.Namespace) int {
	t.Helper()
	entries, err := connections.Count(n)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// createAtRate makes connections at a steady rate, and returns how many a second it reached.
func createAtRate(t testing.TB, table *conntrack.Table, rate int, lasting time.Duration) (made int, reached float64) {
	t.Helper()
	const tick = 5 * time.Millisecond
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	begun := time.Now()
	for {
		select {
		case <-t.Context().Done():
			t.Fatal("interrupted")
		case <-ticker.C:
		}
		elapsed := min(time.Since(begun), lasting)
		due := int(elapsed.Seconds() * float64(rate))
		connections.Create(t, table, made, due-made)
		made = due
		if elapsed == lasting {
			return made, float64(made) / time.Since(begun).Seconds()
		}
	}
}

// flush takes all connections of the made-up kind out of a table.
func flush(t testing.TB, n *testbed.Namespace) {
	t.Helper()
	var requests []conntrack.Request
	err := n.Do(func() error {
		return conntrack.Dump(t.Context(), func(f conntrack.Flow) error {
			requests = append(requests, conntrack.Request{Operation: conntrack.Delete, Flow: f})
			return nil
		})
	})
	if err == nil {
		_, err = connections.Open(t, n).Do(requests, nil)
	}
	if err != nil {
		t.Fatalf("Emptying the table of %s: %v", n.Name, err)
	}
}

// costs are what processes and the link between the routers have taken so far.
type costs struct {
	cpu   time.Duration
	bytes uint64
}

// spent reads what a system has taken so far.
func spent(t testing.TB, s system) (c costs) {
	t.Helper()
	for _, pid := range s.processes() {
		cpu, err := processorTime(pid)
		if err != nil {
			t.Fatal(err)
		}
		c.cpu += cpu
	}
	err := s.network().Primary.Do(func() (err error) {
		c.bytes, err = interfaceBytes("sync0")
		return err
	})
	if err != nil {
		t.Fatalf("Reading the counters of the link between the routers: %v", err)
	}
	return c
}

// processorTime is what a process has used, of user and system time.
func processorTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	const userTime, systemTime, ticksPerSecond = 11, 12, 100 // behind the name; USER_HZ
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) <= systemTime {
		return 0, fmt.Errorf("unknown format of stat: %q", text)
	}
	ticks := 0
	for _, field := range []string{fields[userTime], fields[systemTime]} {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, fmt.Errorf("unknown format of stat: %q", text)
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

// resident is the memory that a process has, in bytes (VmRSS).
func resident(pid int) (int, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "VmRSS:" {
			kilobytes, err := strconv.Atoi(fields[1])
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("process %d tells no memory", pid)
}
