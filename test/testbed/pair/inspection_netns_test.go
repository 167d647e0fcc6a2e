//go:build netns

package pair_test

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/nfqueue"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/ruleset"
	"github.com/hapair-io/hapair/test/testbed"
)

// forbidden is what the inspection refuses. Nothing else has it.
const forbidden = "canary-in-a-payload"

const (
	inspectedPort   = 8080
	inspectionQueue = 7799
)

// inspector is a program that inspects packets. It drops everything of a connection from the forbidden word on. It
// keeps that verdict in its memory.
type inspector struct {
	mu       sync.Mutex
	verdicts map[string]bool
}

// newInspector inspects what a client sends through a router.
func newInspector(t *testing.T, router *testbed.Namespace) *inspector {
	t.Helper()
	i := &inspector{verdicts: map[string]bool{}}
	inspect := ruleset.Rule{
		ruleset.TCP,
		ruleset.PortIn{Run: ruleset.PortRun{First: inspectedPort, Last: inspectedPort}},
		ruleset.SendToQueue{Number: inspectionQueue},
	}
	rules := ruleset.Ruleset{Table: "inspection", Chains: []ruleset.Chain{
		{Name: "inspect", Hook: &ruleset.Hook{Point: ruleset.Forward}, Rules: []ruleset.Rule{inspect}},
	}}
	if err := router.Do(func() error { return nftables.Kernel{}.Replace(rules) }); err != nil {
		t.Fatal(err)
	}
	queue := testbed.Open(t, router, func() (*nfqueue.Queue, error) { return nfqueue.Bind(inspectionQueue) })
	testbed.Background(t, func(ctx context.Context) {
		for ctx.Err() == nil {
			packets, err := queue.Receive(time.Now().Add(50 * time.Millisecond))
			if err != nil {
				return // The test has ended.
			}
			for _, p := range packets {
				if i.refuses(p.Bytes) {
					_ = queue.Drop(p)
				} else {
					_ = queue.Accept(p, nil)
				}
			}
		}
	})
	return i
}

// refuses reads a packet of IPv4, and reports whether its connection is refused.
func (i *inspector) refuses(packet []byte) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	connection := string(packet[12:24]) // addresses and ports
	i.verdicts[connection] = i.verdicts[connection] || bytes.Contains(packet, []byte(forbidden))
	return i.verdicts[connection]
}

// refused returns the number of connections that the inspector refuses.
func (i *inspector) refused() (n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, isRefused := range i.verdicts {
		if isRefused {
			n++
		}
	}
	return n
}

// TestVerdictsOfInspectionAreNeverReplicated refuses a connection on the active. The connection is replicated, and the
// verdict is not. The new active reads the payload itself, when the client repeats it.
func TestVerdictsOfInspectionAreNeverReplicated(t *testing.T) {
	e := newExcluded(t, everything)
	active, standby := newInspector(t, e.Primary), newInspector(t, e.Secondary)
	address := netip.AddrPortFrom(netip.MustParseAddr(testbed.ServerAddress), inspectedPort)
	received := make(chan string, 8)
	e.Server.ServeTCP(t, address.String(), func(conn net.Conn) {
		for buffer := make([]byte, 64); ; {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			received <- string(buffer[:n])
		}
	})
	conn := testbed.Open(t, e.Client, func() (net.Conn, error) {
		return (&net.Dialer{Timeout: testbed.Timeout}).Dial("tcp", address.String())
	})
	if _, err := conn.Write([]byte("harmless")); err != nil {
		t.Fatal(err)
	}
	if got := <-received; got != "harmless" {
		t.Fatalf("the server received %q", got)
	}
	if _, err := conn.Write([]byte(forbidden)); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, "the active refuses the connection", func() bool { return active.refused() == 1 })
	e.wantNotSent()
	if n := standby.refused(); n != 0 {
		t.Errorf("the standby refuses %d connections", n)
	}
	if bytes.Contains(e.Recorded(e.Active), []byte(forbidden)) {
		t.Error("the stream has what was inspected")
	}
	e.Failover()
	testbed.Eventually(t, "the new active refuses the connection itself", func() bool { return standby.refused() == 1 })
	select {
	case got := <-received:
		t.Errorf("the server received %q", got)
	default:
	}
}
