//go:build netns

package pair_test

import (
	"bytes"
	"net/netip"
	"slices"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// canary is the address of a host whose connections must not be replicated. Nothing else has it.
const canary = "192.168.50.77"

// excluded is a pair with the rules of the firewall, in which one kind of state is not replicated.
type excluded struct {
	audited
}

func newExcluded(t *testing.T, rules string, replicated ...state.Class) excluded {
	t.Helper()
	p := pair.New(t, pair.Options{AuditInterval: auditInterval, Record: true, Replicated: replicated})
	e := excluded{audited{
		Pair: p, t: t, active: openRouter(t, p.Primary), standby: openRouter(t, p.Secondary),
	}}
	p.Client.Link(t, "lan0").Address(canary + "/24")
	for _, router := range []*testbed.Namespace{p.Primary, p.Secondary} {
		enforce(t, router, rules)
	}
	return e
}

// enforce replaces the rules of a router by those of a document.
func enforce(t *testing.T, router *testbed.Namespace, rules string) {
	t.Helper()
	parsed, err := document.Parse([]byte(`
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan0]}
  - {name: wan, interfaces: [wan0]}
  sourceNAT:
  - {name: out, to: wan, address: 203.0.113.1}
` + rules))
	if err != nil {
		t.Fatal(err)
	}
	router.Run(t, "nft delete table inet firewall")
	router.Run(t, "nft delete table ip translation")
	if err := router.Do(func() error { return nftables.Kernel{}.Replace(plan.Compile(parsed)) }); err != nil {
		t.Fatal(err)
	}
}

// count returns how many connections of the canary a router has that are of a kind.
func (r router) count(isKind func(conntrack.Flow) bool) int {
	r.t.Helper()
	return r.countOf(netip.MustParseAddr(canary), isKind)
}

// countOf returns how many connections of an address a router has that are of a kind.
func (r router) countOf(address netip.Addr, isKind func(conntrack.Flow) bool) (n int) {
	r.t.Helper()
	err := r.namespace.Do(func() error {
		return conntrack.Dump(r.t.Context(), func(f conntrack.Flow) error {
			ends := []netip.Addr{f.Orig.Src, f.Orig.Dst, f.Reply.Src, f.Reply.Dst}
			if slices.Contains(ends, address) && isKind(f) {
				n++
			}
			return nil
		})
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

func anyKind(conntrack.Flow) bool { return true }

// wantExcluded checks that connections of the canary are on the active alone. Connections of the client are replicated
// meanwhile, which shows that the check finds what is there.
func (e excluded) wantExcluded() {
	e.t.Helper()
	if e.active.count(anyKind) == 0 {
		e.t.Fatal("the active has no connection of the canary")
	}
	e.wantNotSent()
}

// wantNotSent checks that the standby has no connection of the canary after a barrier and an audit, and that nothing
// about it was ever given to the stream.
func (e excluded) wantNotSent() {
	e.t.Helper()
	e.Exchange(e.t, testbed.ServerAddress)
	e.Active.Flush()
	e.wantNoRepair(0)
	if n := e.standby.count(anyKind); n != 0 {
		e.t.Errorf("the standby has %d connections of the canary:\n%s", n, e.Secondary.Run(e.t, "conntrack -L"))
	}
	if len(e.standby.tuples()) == 0 {
		e.t.Error("the standby has no connection of the client")
	}
	e.wantNeverSent()
}

// wantNeverSent checks that the canary is not in the stream.
func (e excluded) wantNeverSent() {
	e.t.Helper()
	sent := e.Recorded(e.Active)
	if !bytes.Contains(sent, netip.MustParseAddr(testbed.ClientAddress).AsSlice()) {
		e.t.Error("the stream has nothing of the client")
	}
	if n := bytes.Count(sent, netip.MustParseAddr(canary).AsSlice()); n != 0 {
		e.t.Errorf("the stream has the canary %d times", n)
	}
}
