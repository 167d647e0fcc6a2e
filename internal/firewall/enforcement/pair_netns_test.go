//go:build netns

package enforcement_test

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	googlenft "github.com/google/nftables"
	"github.com/google/nftables/expr"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/programs"
)

// pairBed is a client and a server with a pair of units between them. The units run the programs of the release.
type pairBed struct {
	*testing.T
	client, server *testbed.Namespace
	units          []*programs.Unit
}

// newPair returns a pair whose units run, and waits until it is redundant.
func newPair(t *testing.T, withoutBPF bool, document string) *pairBed {
	t.Helper()
	p := &pairBed{T: t, client: testbed.NewNamespace(t, "client"), server: testbed.NewNamespace(t, "server")}
	fabric, routers := testbed.NewNamespace(t, "switch"), []*testbed.Namespace{}
	for _, segment := range []string{"lan", "wan"} {
		fabric.Bridge(t, segment)
	}
	fabric.Plug(t, "lan", p.client, "client0", "client")
	fabric.Plug(t, "wan", p.server, "server0", "server")
	p.client.Link(t, "client0").Address(clientAddress + "/24").Route(virtualLAN)
	p.server.Link(t, "server0").Address(serverAddress + "/24").Route(virtualWAN)
	witness, authority := programs.NewWitness(t), programs.NewAuthority(t)
	for _, c := range []struct {
		name          v1alpha1.Unit
		lan, wan, pod string
	}{
		{v1alpha1.Primary, ownLAN, ownWAN, "10.244.1.2"},
		{v1alpha1.Secondary, "192.0.2.3", "198.51.100.3", "10.244.1.3"},
	} {
		router := testbed.NewNamespace(t, string(c.name))
		routers = append(routers, router)
		fabric.Plug(t, "lan", router, "lan", string(c.name)+"-lan")
		fabric.Plug(t, "wan", router, "wan", string(c.name)+"-wan")
		router.Link(t, "lan").Address(c.lan + "/24")
		router.Link(t, "wan").Address(c.wan + "/24")
		u := programs.NewUnit(t, programs.Config{
			Name: c.name, Built: built, WithoutBPF: withoutBPF, PodAddress: c.pod,
			Networks: []contract.Network{
				programs.Network("lan", virtualLAN+"/24"), programs.Network("wan", virtualWAN+"/24"),
			},
		})
		u.Enter(router, witness)
		u.Trust(authority)
		u.Give(document)
		p.units = append(p.units, u)
	}
	testbed.Wire(t, routers[0], "eth0", routers[1], "eth0")
	routers[0].Link(t, "eth0").Address("10.244.1.2/24")
	routers[1].Link(t, "eth0").Address("10.244.1.3/24")
	for _, u := range p.units {
		u.StartFirewall()
		u.StartSidecar()
	}
	p.awaitRedundant()
	return p
}

// awaitRedundant waits until one unit is active, and the other could take over.
func (p *pairBed) awaitRedundant() {
	p.Helper()
	testbed.Eventually(p, "the pair is redundant", func() bool {
		roles := make([]string, 0, len(p.units))
		for _, u := range p.units {
			s := u.Status()
			if !programs.IsHealthy(s) || !isInSync(s) {
				return false
			}
			roles = append(roles, s.Role)
		}
		slices.Sort(roles)
		return slices.Equal(roles, []string{"Active", "Standby"})
	})
}

// isInSync reports whether all classes of a unit are in sync.
func isInSync(s contract.UnitStatus) bool {
	return len(s.Classes) > 0 &&
		!slices.ContainsFunc(s.Classes, func(c contract.UnitClass) bool { return c.State != contract.ClassInSync })
}

// roles returns the active unit and the other one.
func (p *pairBed) roles() (active, standby *programs.Unit) {
	if p.units[0].Status().Role == "Active" {
		return p.units[0], p.units[1]
	}
	return p.units[1], p.units[0]
}

// A foreign program changes the active's rules, or its gate, again and again, faster than they can be put back. That
// makes the unit unhealthy, and its peer takes over. What the policies drop is not forwarded meanwhile. Once the
// program has ended, the pair is redundant again.
//
// A program that adds rules of its own gets them through until the gate closes, once or twice. What began then ends.
func TestForeignProgramThatKeepsChangingRulesMovesTheRole(t *testing.T) {
	const noticed = 500 // datagrams, one a millisecond, also on a machine that is busy
	firewall := &googlenft.Table{Name: plan.Table, Family: googlenft.TableFamilyINet}
	gate := &googlenft.Table{Name: "hapair_gate", Family: googlenft.TableFamilyINet}
	gateOfFrames := &googlenft.Table{Name: "hapair_gate", Family: googlenft.TableFamilyNetdev}
	flush := foreign{name: "all rules", change: func(c *googlenft.Conn) { c.FlushRuleset() }}
	for kind, programs := range map[string][]foreign{
		"BPF": {
			flush,
			{name: "the firewall's table", change: func(c *googlenft.Conn) { c.DelTable(firewall) }},
			{name: "one chain emptied", change: func(c *googlenft.Conn) {
				c.FlushChain(&googlenft.Chain{Table: firewall, Name: "forward"})
			}},
			{name: "one rule that drops", mayPass: noticed, act: deleteDroppingRule},
			{name: "one chain that accepts", mayPass: noticed, change: func(c *googlenft.Conn) {
				chain := &googlenft.Chain{Table: firewall, Name: "from.lan.to.wan"}
				c.FlushChain(chain)
				c.AddRule(&googlenft.Rule{
					Table: firewall, Chain: chain, Exprs: []expr.Any{&expr.Verdict{Kind: expr.VerdictAccept}},
				})
			}},
			{name: "the filters of the gate", reason: ofGate, act: func(n *testbed.Namespace) bool {
				_, err := n.Try("tc qdisc del dev lan clsact")
				return err == nil
			}},
		},
		"NFTables": {
			flush,
			{name: "the tables of gate and firewall", change: func(c *googlenft.Conn) {
				c.DelTable(gate)
				c.DelTable(firewall)
			}},
			{name: "the tables of the gate", reason: ofGate, change: func(c *googlenft.Conn) {
				c.DelTable(gate)
				c.DelTable(gateOfFrames)
			}},
			{name: "the table of the gate for forwarded packets", reason: ofGate, change: func(c *googlenft.Conn) {
				c.DelTable(gate)
			}},
		},
	} {
		t.Run(kind, func(t *testing.T) {
			p := newPair(t, kind == "NFTables", droppingDocument)
			for _, f := range programs {
				t.Run(f.name, func(t *testing.T) { p.moves(t, f) })
			}
		})
	}
}

// foreign is a program that changes rules.
type foreign struct {
	name string
	// mayPass is how many datagrams may pass that the policies drop.
	mayPass int
	// change adds a change to a transaction. Without it, act makes the change, and reports whether it could.
	change func(*googlenft.Conn)
	act    func(*testbed.Namespace) bool
	// reason is what the check of the firewall reports, besides other reasons.
	reason string
}

// ofGate is what the check of the firewall reports if the gate is removed and the rules are not.
const ofGate = "the gate was removed or altered"

// ruleHandle finds the handle of the first rule in a listing of nft.
var ruleHandle = regexp.MustCompile(`goto .* # handle (\d+)`)

// deleteDroppingRule deletes the rule of the first policy, which drops.
func deleteDroppingRule(n *testbed.Namespace) bool {
	const chain = "inet hapair from.lan.to.wan"
	listing, err := n.Try("nft -a list chain " + chain)
	found := ruleHandle.FindStringSubmatch(listing)
	if err != nil || found == nil || !strings.Contains(found[0], "policy.forbidden") {
		return false // It is deleted already.
	}
	_, err = n.Try("nft delete rule " + chain + " handle " + found[1])
	return err == nil
}

// droppingDocument drops datagrams to one port, by a policy before one that accepts all others.
const droppingDocument = `{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration","spec":{` +
	`"zones":[{"name":"lan","interfaces":["lan"]},{"name":"wan","interfaces":["wan"]}],` +
	`"services":[{"name":"forbidden","protocol":"UDP","ports":[5001]}],"policies":[` +
	`{"name":"forbidden","from":["lan"],"to":["wan"],"services":["forbidden"],"action":"Drop"},` +
	`{"name":"out","from":["lan"],"to":["wan"],"action":"Accept"}]}}`

// moves lets a program change the rules of the active until the other unit is active.
func (p *pairBed) moves(t *testing.T, program foreign) {
	t.Helper()
	p.awaitRedundant()
	active, standby := p.roles()
	allowed := stream{testbed.NewStream(t, p.client, p.server, serverAddress+":5000")}
	forbidden := stream{testbed.NewStream(t, p.client, p.server, serverAddress+":5001")}
	passes(t, allowed)
	begun, seen := clock.Boot(), active.Count()
	end := p.again(t, active.Namespace, program)
	standby.AwaitActive()
	moved := clock.Boot()
	passes(t, allowed)
	changes := end()
	p.awaitRedundant()
	passes(t, allowed)
	allowed.End()
	forbidden.End()
	reasons := map[string]int{}
	for _, s := range active.Since(seen) {
		for _, h := range s.Health {
			if !h.Healthy {
				reasons[h.Name+": "+h.Message]++
			}
		}
	}
	t.Logf("the role moved after %s and %d changes, with the reasons %v; %d of %d forbidden datagrams passed",
		moved-begun, changes, reasons, forbidden.count(0), len(forbidden.Sent()))
	if n, after := forbidden.count(0), forbidden.count(moved); n > program.mayPass || after > 0 {
		t.Errorf("%d forbidden datagrams were forwarded, and %d of them by the peer", n, after)
	}
	found := false
	for reason := range reasons {
		found = found || strings.Contains(reason, contract.CheckFirewall) && strings.Contains(reason, program.reason)
	}
	if !found {
		t.Errorf("the unit reported %v", reasons)
	}
}

// changePause is the time between two changes of a foreign program. It is much shorter than that between two
// restorations.
const changePause = time.Millisecond

// again lets a program change a unit's rules until end is called, which returns how many changes the kernel took.
func (p *pairBed) again(t *testing.T, n *testbed.Namespace, program foreign) (end func() int) {
	t.Helper()
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	count := 0
	act := program.act
	if act == nil {
		conn := hostileIn(t, n)
		act = func(*testbed.Namespace) bool {
			program.change(conn.Conn)
			return conn.Flush() == nil // It fails while the table is gone.
		}
	}
	running.Go(func() {
		pause := time.NewTicker(changePause)
		defer pause.Stop()
		for ctx.Err() == nil {
			<-pause.C
			if act(n) {
				count++
			}
		}
	})
	end = func() int {
		cancel()
		running.Wait()
		return count
	}
	t.Cleanup(func() { end() })
	return end
}
