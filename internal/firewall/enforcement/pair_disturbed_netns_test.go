//go:build netns

package enforcement_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/programs"
)

// Programs disturb the data plane of a pair, with one of each kind that the unit undoes. They disturb the active first,
// and then both units with all kinds at once. Each time everything is as before, and the connection continues. What the
// policies drop is not forwarded. The role stays. On a busy machine several kinds may count as one that does not end.
func TestPairUndoesWhatDisturbsItsDataPlane(t *testing.T) {
	t.Parallel()
	p := newPair(t, false, droppingDocument)
	active, standby := p.roles()
	term, seen, call := active.Status().Term, active.Count(), p.call()
	forbidden := stream{testbed.NewStream(t, p.client, p.server, serverAddress+":5001")}
	rival := filepath.Join(t.TempDir(), "program") // It returns at once.
	if err := os.WriteFile(rival, []byte("1,6 0 0 4294967295,"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := map[*programs.Unit][]string{}
	for _, u := range p.units {
		u.Namespace.Run(t, "ip link add other type bridge")
		before[u] = inspect(t, u)
	}
	kinds := [][]string{{
		"ip route add blackhole " + serverAddress + " table 7780",
		"ip route add " + clientAddress + " dev wan table 7780",
		"ip route add blackhole " + clientAddress + " table local",
		"ip rule add priority 100 iif lan blackhole",
	}, {
		"ip link set lan master other",
		"ip link set wan arp off",
		"ip link set lan multicast off",
		"ip link set wan mtu 68",
	}, {
		"sysctl -w net.ipv4.conf.lan.forwarding=0 net.ipv4.conf.wan.rp_filter=1 net.ipv4.conf.lan.arp_ignore=8 " +
			"net.ipv4.conf.wan.arp_filter=1 net.ipv4.conf.lan.proxy_arp=1 net.ipv4.neigh.wan.mcast_solicit=0",
		"tc filter add dev lan ingress pref 1 protocol all handle 2 bpf bytecode-file " + rival,
	}, {
		"nft flush chain inet hapair forward; flush chain inet hapair sources; flush chain inet hapair input",
		"nft flush chain inet hapair from.lan.to.wan; flush chain inet hapair policy.forbidden",
	}, {
		"nft delete table inet hapair",
	}}
	disturb := func(lines []string, units ...*programs.Unit) {
		for _, line := range lines {
			for _, u := range units {
				u.Namespace.Run(t, line)
			}
		}
		for _, u := range units {
			testbed.Eventually(t, strings.Join(lines, "; ")+": all is as before", func() bool {
				return slices.Equal(inspect(t, u), before[u])
			})
		}
		call.continues()
	}
	for _, lines := range kinds {
		disturb(lines, active)
	}
	disturb(slices.Concat(kinds...), active, standby)
	p.awaitRedundant()
	s := active.Status()
	hasMoved := s.Role != "Active" || s.Term != term
	if hasMoved && !slices.ContainsFunc(active.Since(seen), isUnhealthy) {
		t.Errorf("the unit is %s in term %d without a fault, and was active in term %d", s.Role, s.Term, term)
	}
	if n := forbidden.count(0); n > 0 {
		t.Errorf("%d forbidden datagrams were forwarded", n)
	}
}

// isUnhealthy reports whether a check of a unit fails.
func isUnhealthy(s contract.UnitStatus) bool { return !programs.IsHealthy(s) }

// inspect returns what programs may change in the data plane of a unit.
func inspect(t testing.TB, u *programs.Unit) []string {
	t.Helper()
	var all []string
	for _, line := range []string{
		"ip rule", "ip route show table 7780", "ip route show table local type blackhole", "ip link show dev lan",
		"ip link show dev wan", "tc filter show dev lan ingress",
		"sysctl -n net.ipv4.conf.lan.forwarding net.ipv4.conf.wan.rp_filter net.ipv4.conf.lan.arp_ignore " +
			"net.ipv4.conf.wan.arp_filter net.ipv4.conf.lan.proxy_arp net.ipv4.neigh.wan.mcast_solicit",
	} {
		all = append(all, u.Namespace.Run(t, line))
	}
	err := u.Namespace.Do(func() error { return nftables.Kernel{}.Verify(compiled(t, droppingDocument)) })
	return append(all, fmt.Sprint(err))
}

// What a unit does not remove, or another program does again and again, moves the role. The connection continues, and
// the pair is redundant once that has ended.
func TestPairMovesTheRoleAwayFromWhatBlocksItsDataPlane(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		// block blocks the data plane of a unit.
		block func(*pairBed, *testbed.Namespace) (undo func())
		// reason is what the unit reports.
		reason string
	}{
		"IPsec policy": {commands("ip xfrm policy add dir fwd action block", "ip xfrm policy flush"), "IPsec"},
		"setting of all interfaces": {
			commands("sysctl -w net.ipv4.conf.all.arp_ignore=8", "sysctl -w net.ipv4.conf.all.arp_ignore=0"),
			"net.ipv4.conf.all.arp_ignore is 8",
		},
		"XDP program": {dropFrames, "interface lan has an XDP program"},
		"route, again and again": {func(p *pairBed, n *testbed.Namespace) func() {
			end := p.again(p.T, n, foreign{act: func(n *testbed.Namespace) bool {
				_, err := n.Try("ip route add blackhole " + serverAddress + " table 7780")
				return err == nil
			}})
			return func() { end() }
		}, "again and again: Route"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t, false, droppingDocument)
			active, standby := p.roles()
			call, seen := p.call(), active.Count()
			undo := c.block(p, active.Namespace)
			standby.AwaitActive()
			call.continues()
			if !slices.ContainsFunc(active.Since(seen), fails(contract.CheckDataPlane, c.reason)) {
				t.Errorf("the unit reported %+v", active.Status().Health)
			}
			undo()
			p.awaitRedundant()
			call.continues()
		})
	}
}

// commands returns a block that one command makes and another one removes.
func commands(block, undo string) func(*pairBed, *testbed.Namespace) func() {
	return func(p *pairBed, n *testbed.Namespace) func() {
		n.Run(p, block)
		return func() { n.Run(p, undo) }
	}
}

// dropFrames drops what arrives at the LAN before the kernel sees it.
func dropFrames(p *pairBed, n *testbed.Namespace) (undo func()) {
	const drop = 1 // XDP_DROP
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Type: ebpf.XDP, Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, drop), asm.Return()},
	})
	if err != nil {
		p.Fatal(err)
	}
	index := n.Link(p, "lan").Index()
	attached := testbed.Open(p, n, func() (link.Link, error) {
		return link.AttachXDP(link.XDPOptions{Program: program, Interface: index})
	})
	_ = program.Close() // The attachment keeps it.
	return func() {
		if err := attached.Close(); err != nil {
			p.Error(err)
		}
	}
}

// fails returns a condition on a unit's reports: that a check fails with a message.
func fails(check, message string) func(contract.UnitStatus) bool {
	return func(s contract.UnitStatus) bool {
		return slices.ContainsFunc(s.Health, func(h contract.UnitHealth) bool {
			return h.Name == check && !h.Healthy && strings.Contains(h.Message, message)
		})
	}
}

// A wrong static neighbour on the active is reported, and the role stays. Once corrected, the connection continues.
func TestPairReportsAWrongStaticNeighbour(t *testing.T) {
	t.Parallel()
	p := newPair(t, false, droppingDocument)
	active, _ := p.roles()
	term, call := active.Status().Term, p.call()
	replace := "ip neigh replace " + serverAddress + " dev wan nud permanent lladdr "
	active.Namespace.Run(t, replace+"02:00:00:00:00:99")
	isReported := fails(contract.CheckNeighbours, serverAddress)
	testbed.Eventually(t, "the wrong neighbour is reported", func() bool { return isReported(active.Status()) })
	active.Namespace.Run(t, replace+p.server.Link(t, "server0").MAC().String())
	call.continues()
	p.awaitRedundant()
	if s := active.Status(); s.Role != "Active" || s.Term != term {
		t.Errorf("the unit is %s in term %d, and was active in term %d", s.Role, s.Term, term)
	}
}

// call is a TCP connection through the pair whose server answers what the client says.
type call struct {
	t    testing.TB
	conn net.Conn
}

// call opens a connection and uses it.
func (p *pairBed) call() call {
	p.Helper()
	server := p.server.ServeTCP(p, serverAddress+":0", func(c net.Conn) { _, _ = io.Copy(c, c) })
	c := call{p, testbed.Open(p, p.client, func() (net.Conn, error) {
		return net.DialTimeout("tcp", server.String(), testbed.Timeout)
	})}
	c.continues()
	return c
}

// continues uses the connection once more.
func (c call) continues() {
	c.t.Helper()
	answer := make([]byte, 1)
	err := c.conn.SetDeadline(time.Now().Add(testbed.Timeout))
	if err == nil {
		_, err = c.conn.Write(answer)
	}
	if err == nil {
		_, err = io.ReadFull(c.conn, answer)
	}
	if err != nil {
		c.t.Fatalf("using the connection: %v", err)
	}
}
