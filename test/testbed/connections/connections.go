// Package connections creates connections in the connection table of a router without packets: more of them, and
// faster, than hosts could.
package connections

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
)

// Open opens the table of a namespace until the test ends.
func Open(t testing.TB, n *testbed.Namespace) *conntrack.Table {
	t.Helper()
	var table *conntrack.Table
	err := n.Do(func() (err error) {
		table, err = conntrack.OpenTable()
		return err
	})
	if err != nil {
		t.Fatalf("Opening the table of %s: %v", n.Name, err)
	}
	t.Cleanup(func() { _ = table.Close() })
	return table
}

// batch is how many connections are created between two checks of the context.
const batch = 1024

// Create creates the connections of these numbers, as if their packets had passed.
func Create(t testing.TB, table *conntrack.Table, first, number int) {
	t.Helper()
	if err := all(t.Context(), table, conntrack.Create, Span{first, first + number}); err != nil {
		t.Fatal(err)
	}
}

// all performs one operation on the connections of a span.
func all(ctx context.Context, table *conntrack.Table, operation conntrack.Operation, span Span) error {
	requests := make([]conntrack.Request, 0, batch)
	var results []conntrack.Result
	for first := span.First; first < span.End; first += batch {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		requests = requests[:0]
		for i := first; i < min(first+batch, span.End); i++ {
			requests = append(requests, conntrack.Request{Operation: operation, Flow: Flow(i)})
		}
		var err error
		results, err = table.Do(requests, results[:0])
		for i := 0; err == nil && i < len(results); i++ {
			err = results[i].Err
		}
		if err != nil {
			return fmt.Errorf("changing connections from number %d on: %w", first, err)
		}
	}
	return nil
}

// Each connection is from a port of the client to one of many servers.
const (
	portsPerServer = 1 << 15
	firstPort      = 1024
	serverPort     = 443
)

// servers is the network of the servers.
var servers = netip.MustParsePrefix("198.51.100.0/24")

// Flow returns an established TCP connection through source NAT, from the client, to a port of its own on one of many
// servers.
func Flow(number int) conntrack.Flow {
	orig := conntrack.Tuple{
		Protocol: conntrack.ProtocolTCP,
		Src:      netip.MustParseAddr(testbed.ClientAddress), SrcPort: uint16(firstPort + number%portsPerServer),
		Dst: netip.AddrFrom4([4]byte{198, 51, 100, byte(number / portsPerServer)}), DstPort: serverPort,
	}
	reply := orig.Inverse()
	reply.Dst = testbed.VirtualWAN.Addr()
	return conntrack.Flow{
		Fields: conntrack.FieldStatus | conntrack.FieldTimeout | conntrack.FieldTCPState | conntrack.FieldTCPWindow,
		Orig:   orig, Reply: reply, TimeoutSeconds: 3600,
		Status: conntrack.StatusConfirmed | conntrack.StatusSeenReply | conntrack.StatusAssured,
		TCP: conntrack.TCP{
			State: conntrack.TCPEstablished, FlagsOrig: conntrack.TCPSACKPermit, FlagsReply: conntrack.TCPSACKPermit,
		},
	}
}

// Count returns how many entries the table of a namespace has.
func Count(n *testbed.Namespace) (int, error) {
	var text []byte
	err := n.Do(func() (err error) {
		text, err = os.ReadFile("/proc/sys/net/netfilter/nf_conntrack_count")
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("counting the connections of %s: %w", n.Name, err)
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}
