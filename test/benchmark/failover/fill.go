package failover

import (
	"net/netip"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
)

const (
	// tickers is how many connections the traffic of a run makes.
	tickers = 3
	// batch is how many connections are made between two looks at whether the run still goes on.
	batch = 8192
)

// fill makes established connections in the table of the active, as if their packets had passed through it.
func fill(b *bed, flows int) {
	t := b.t
	t.Helper()
	var table *conntrack.Table
	err := b.primary.namespace.Do(func() (err error) {
		table, err = conntrack.OpenTable()
		return err
	})
	if err != nil {
		t.Fatalf("Opening the table of the active: %v", err)
	}
	defer func() { _ = table.Close() }()
	for next := 0; next < flows; {
		if t.Context().Err() != nil {
			t.Fatal("interrupted")
		}
		var requests []conntrack.Request
		for ; next < flows && len(requests) < batch; next++ {
			requests = append(requests, conntrack.Request{Operation: conntrack.Create, Flow: flow(next)})
		}
		results, err := table.Do(requests, nil)
		if err != nil {
			t.Fatalf("Filling the table of the active: %v", err)
		}
		for _, r := range results {
			if r.Err != nil {
				t.Fatalf("Filling the table of the active: %v", r.Err)
			}
		}
	}
}

// flow is one of many connections from the client, each to a port of its own on one of many servers.
func flow(number int) conntrack.Flow {
	const portsPerServer = 1 << 15
	orig := conntrack.Tuple{
		Protocol: conntrack.ProtocolTCP,
		Src:      netip.MustParseAddr(testbed.ClientAddress), SrcPort: uint16(1024 + number%portsPerServer),
		Dst: netip.AddrFrom4([4]byte{198, 51, 100, byte(number / portsPerServer)}), DstPort: 443,
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
