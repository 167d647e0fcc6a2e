package replication

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/internal/traffic"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/connections"
)

// overload disturbs replication in four ways, while connections begin and end and other traffic is forwarded. Soon
// after the fault, the secondary must have exactly the connections that exist.
var overload = scenario{
	name: "overload", systems: []string{hapair, cached},
	cases: []string{tooMany, lossyLink, cutLink, stopped}, measure: measureOverload,
	columns: slices.Concat([]column{
		{"sustained/s", func(s Sample) float64 { return s.Sustained }, "%.0f"},
		{"wanted/s", func(s Sample) float64 { return s.Offered }, "%.0f"},
		reachedColumn,
		{"recovered s", recovered, "%.2f"},
		missingColumn,
		{"surplus", surplus, "%.0f"},
		{"forwarded", forwarded, "%.3f"},
	}, memoryColumns, peakColumns),
	targets: []target{
		{what: "seconds until the standby has everything", of: recovered, bounds: atMost(5)},
		{what: "missing", of: missing, bounds: atMost(0)},
		{what: "surplus", of: surplus, bounds: atMost(0)},
		{what: "forwarded traffic, of that before", of: forwarded, bounds: atLeast(0.95)},
		{what: "memory of the active, MiB", of: func(s Sample) float64 { return s.Peak[0] }, bounds: atMost(64)},
		{what: "memory of the standby, MiB", of: func(s Sample) float64 { return s.Peak[1] }, bounds: atMost(64)},
	},
}

// The faults.
const (
	tooMany   = "3 x what is sustained"
	lossyLink = "10 % loss"
	cutLink   = "link down"
	stopped   = "standby stopped"
)

func recovered(s Sample) float64 { return s.Recovered }
func surplus(s Sample) float64   { return float64(s.Surplus) }
func forwarded(s Sample) float64 { return s.Forwarded }

const (
	// ordinaryChange is the number of connections that begin and end per second without a fault.
	ordinaryChange = 5_000
	// overloadLive is the number of connections that exist.
	overloadLive = 50_000
	// packetRate is far below what the routers can forward, so that every lost packet is the effect of the fault.
	packetRate = 5_000
	// giveUp is how long after a fault missing connections count as lost for good.
	giveUp = 30 * time.Second
)

func measureOverload(t testing.TB, o Options, s system, sample *Sample) {
	stream := traffic.Send(t, s.network(), netip.MustParseAddrPort(testbed.ServerAddress+":5000"), packetRate)
	live := connections.Span{End: overloadLive}
	begun := time.Now()
	connections.Create(t, connections.Open(t, s.network().Primary), 0, live.Len())
	awaitHeld(t, s, live.Len())
	sample.Sustained = float64(live.Len()) / time.Since(begun).Seconds()

	_, others := s.compare(live) // the stream of packets is a connection, too
	churn := connections.Begin(t, s.network().Primary, live, ordinaryChange)
	testbed.Pause(t, time.Second)
	before := forwardedFor(t, s, o.Lasting)

	lasting, end := o.Fault, func() {}
	sample.Offered = ordinaryChange
	switch sample.Case {
	case tooMany:
		lasting = o.Flood
		sample.Offered = 3 * sample.Sustained
		live, _ = churn.End(t)
		churn = connections.Begin(t, s.network().Primary, live, int(sample.Offered))
	case lossyLink:
		end = loseTenth(t, s.network())
	case cutLink:
		cable := s.network().Primary.Link(t, "sync0").Down()
		end = func() { cable.Up() }
	case stopped:
		end = suspend(t, s.processes()[1])
	default:
		t.Fatalf("unknown fault %q", sample.Case)
	}
	sample.Forwarded = forwardedFor(t, s, lasting) / before
	live, sample.Reached = churn.End(t)
	end()
	ended := time.Now()
	sample.Made = live.End
	awaitEqual(t, s, live, others, sample)
	sample.Recovered = time.Since(ended).Seconds()
	stream.Close(t)
	sample.weigh(t, s)
}

// awaitEqual waits until the secondary has the connections, and no more others than before. When it gives up, it
// records the differences.
func awaitEqual(t testing.TB, s system, live connections.Span, others int, sample *Sample) {
	t.Helper()
	for begun := time.Now(); ; testbed.Pause(t, 50*time.Millisecond) {
		sample.Missing, sample.Surplus = s.compare(live)
		sample.Surplus = max(sample.Surplus-others, 0)
		if sample.Missing == 0 && sample.Surplus == 0 || time.Since(begun) > giveUp {
			return
		}
	}
}

// forwardedFor returns the number of packets per second that reach the server.
func forwardedFor(t testing.TB, s system, lasting time.Duration) float64 {
	t.Helper()
	before, begun := carried(t, s.network().Server, "wan0").receivedPackets, time.Now()
	testbed.Pause(t, lasting)
	return float64(carried(t, s.network().Server, "wan0").receivedPackets-before) / time.Since(begun).Seconds()
}

// loseTenth drops one packet in ten on the link between the routers, in both directions, until the returned function is
// called. It uses rules of the routers, since not every kernel has netem.
func loseTenth(t testing.TB, n *testbed.Network) (end func()) {
	t.Helper()
	routers := []*testbed.Namespace{n.Primary, n.Secondary}
	for _, router := range routers {
		router.Firewall(t, `
table netdev loss {
	chain ingress {
		type filter hook ingress device "sync0" priority 0; policy accept;
		meta protocol ip numgen random mod 10 0 drop
	}
}
`)
	}
	return func() {
		for _, router := range routers {
			router.Firewall(t, "delete table netdev loss\n")
		}
	}
}

// suspend stops a process until the returned function is called, or the trial ends.
func suspend(t testing.TB, pid int) (end func()) {
	t.Helper()
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		t.Fatalf("Stopping process %d: %v", pid, err)
	}
	resume := func() error { return unix.Kill(pid, unix.SIGCONT) }
	t.Cleanup(func() { _ = resume() }) // the process may have ended
	return func() {
		if err := resume(); err != nil {
			t.Fatal(fmt.Errorf("resuming process %d: %w", pid, err))
		}
	}
}
