//go:build netns

package pair_test

import (
	"net"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// auditInterval is short, so that a few audits take no time.
const auditInterval = 100 * time.Millisecond

// secondaryWAN is an address of the secondary alone, newcomer is added to it during a test.
const (
	secondaryWAN = "203.0.113.3"
	newcomer     = "203.0.113.77"
)

// audited is a pair that compares its tables all the time.
type audited struct {
	*pair.Pair
	t               *testing.T
	active, standby router
}

func newAudited(t *testing.T) audited {
	t.Helper()
	p := pair.New(t, pair.Options{AuditInterval: auditInterval})
	return audited{Pair: p, t: t, active: openRouter(t, p.Primary), standby: openRouter(t, p.Secondary)}
}

// speak sends a datagram from the client to an address, and waits until the active has the connection.
func (a audited) speak(address string) {
	a.t.Helper()
	if _, err := a.Client.DialUDP(a.t, "", net.JoinHostPort(address, "9")).Write([]byte("hello")); err != nil {
		a.t.Fatal(err)
	}
	testbed.Eventually(a.t, "the active has the connection", func() bool { return a.active.has(address) })
}

// has reports whether a router has a connection to an address.
func (r router) has(address string) bool {
	r.t.Helper()
	for tuples := range r.tuples() {
		if tuples[0].Dst.String() == address {
			return true
		}
	}
	return false
}

// wantNoRepair checks that several audits find no difference, and that the next one would find one.
func (a audited) wantNoRepair(resyncs uint64) {
	a.t.Helper()
	testbed.Pause(a.t, 8*auditInterval)
	if got := a.Active.Status().Resyncs; got != resyncs {
		a.t.Fatalf("the tables were repaired %d times, want %d", got, resyncs)
	}
	a.standby.all(conntrack.Create, 99, 100) // nobody on the active has it
	testbed.Eventually(a.t, "an audit removes a stray connection", func() bool {
		return a.Active.Status().Resyncs > resyncs && a.Active.Status().InSync
	})
}

// TestAuditIgnoresConnectionsWithTheStandby lets a host speak through the active to an address of the standby. The
// active forwards this connection. To the standby it is its own.
func TestAuditIgnoresConnectionsWithTheStandby(t *testing.T) {
	a := newAudited(t)
	a.speak(secondaryWAN)
	a.Active.Flush()
	if a.standby.has(secondaryWAN) {
		t.Error("the standby has a connection with itself from the active")
	}
	a.wantNoRepair(0)
}

// TestAuditFollowsAddressesOfTheStandby gives the standby an address that has a connection already, and takes it away.
func TestAuditFollowsAddressesOfTheStandby(t *testing.T) {
	a := newAudited(t)
	a.speak(newcomer)
	a.Active.Flush()
	testbed.Eventually(t, "the connection is replicated", func() bool { return a.standby.has(newcomer) })
	wan := a.Secondary.Link(t, "wan0")
	for _, change := range []func(string) testbed.Link{wan.Address, wan.WithoutAddress} {
		before := a.Active.Status().Resyncs
		change(newcomer + "/24")
		testbed.Eventually(t, "the units compare their tables again", func() bool {
			return a.Active.Status().Resyncs > before && a.Active.Status().InSync
		})
		a.wantNoRepair(before + 1)
	}
}

// TestAuditFollowsAddressesOfTheActive does the same with an address of the active.
func TestAuditFollowsAddressesOfTheActive(t *testing.T) {
	a := newAudited(t)
	a.Primary.Link(t, "wan0").Address(newcomer + "/24")
	testbed.Eventually(t, "the units compare their tables again", func() bool {
		return a.Active.Status().Resyncs == 1 && a.Active.Status().InSync
	})
	a.speak(newcomer)
	a.Active.Flush()
	if a.standby.has(newcomer) {
		t.Error("the standby has a connection of the active itself")
	}
	a.wantNoRepair(1)
}
