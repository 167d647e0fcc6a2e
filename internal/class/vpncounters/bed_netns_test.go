//go:build netns

package vpncounters

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/xfrm"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

// retransmission is the least time after which TCP sends again, in milliseconds. The usual 200 would prolong the test.
const retransmission = 20

// Outer addresses of the tunnels.
const (
	pairAddress = "203.0.113.1"
	peerAddress = "203.0.113.9"
)

// tunnel is a pair of SAs between the units and the peer.
type tunnel struct {
	// client is behind the units, and server behind the peer.
	client, server string
	outbound       uint32
	extended       bool
	window         int
	// start is the number from which both ends count.
	start uint64
}

func (t tunnel) inbound() uint32 { return t.outbound + 1 }

// tunnels returns one tunnel with numbers of 32 bits and the legacy window, and one with ESN. The lower half of the
// latter's numbers overflows after three changes of the active.
func tunnels() []tunnel {
	return []tunnel{
		{client: "192.168.50.10", server: "10.77.0.1", outbound: 0x1000, window: 32},
		{
			client: "192.168.60.10", server: "10.78.0.1", outbound: 0x2000, window: 128, extended: true,
			start: 5<<32 + last32 - 2*step,
		},
	}
}

// bed is a client, two units and a peer. The client and the peer are wired to both units.
type bed struct {
	*testing.T
	client, peer *testbed.Namespace
	units        [2]*espUnit
	// seen has the packets that arrived at the peer, by SPI and sequence number.
	seen   map[[2]uint32]int
	seenMu sync.Mutex
}

// espUnit is a unit of the bed. Its name is also that of the interfaces by which others reach it.
type espUnit struct {
	*kernelUnit
	name string
}

func newBed(t *testing.T) *bed {
	t.Helper()
	b := &bed{
		T: t, client: testbed.NewNamespace(t, "client"), peer: testbed.NewNamespace(t, "peer"), seen: map[[2]uint32]int{},
	}
	skipWithoutESP(t, b.peer)
	b.peer.Link(t, "lo").Address(peerAddress + "/32")
	for _, tunnel := range tunnels() {
		b.client.Link(t, "lo").Address(tunnel.client + "/32")
		b.peer.Link(t, "lo").Address(tunnel.server + "/32")
		b.install(b.peer, tunnel, false)
	}
	for i := range b.units {
		b.units[i] = b.newUnit(string(rune('a' + i)))
	}
	return b
}

func (b *bed) newUnit(name string) *espUnit {
	b.Helper()
	n := testbed.NewNamespace(b, name)
	testbed.Wire(b, n, "lan", b.client, name)
	testbed.Wire(b, n, "wan", b.peer, name)
	n.Link(b, "lo").Address(pairAddress + "/32").Address("192.168.50.1/32")
	b.route(n, "wan", peerAddress+"/32", "")
	for _, tunnel := range tunnels() {
		b.route(n, "lan", tunnel.client+"/32", "")
		b.route(n, "wan", tunnel.server+"/32", peerAddress)
		b.install(n, tunnel, true)
	}
	return &espUnit{name: name, kernelUnit: newKernelUnit(b.T, n, func() (class.Class, error) {
		return Factory().New(class.Options{HasTunnels: true, Replicated: []state.Class{state.VPN}})
	})}
}

// route sets a route. The units differ only in the interface by which they are reached.
func (b *bed) route(n *testbed.Namespace, device, to, gateway string) {
	b.Helper()
	err := n.Do(func() error {
		link, err := netlink.LinkByName(device)
		if err != nil {
			return err
		}
		_, destination, err := net.ParseCIDR(to)
		if err != nil {
			return err
		}
		r := &netlink.Route{
			LinkIndex: link.Attrs().Index, Dst: destination, Flags: int(netlink.FLAG_ONLINK), RtoMin: retransmission,
		}
		if r.Gw = net.ParseIP(gateway); r.Gw == nil {
			r.Flags, r.Scope = 0, netlink.SCOPE_LINK
		}
		return netlink.RouteReplace(r)
	})
	if err != nil {
		b.Fatalf("Setting a route to %s in %s: %v", to, n.Name, err)
	}
}

// install adds the SAs and the policies of a tunnel.
func (b *bed) install(n *testbed.Namespace, t tunnel, isUnit bool) {
	b.Helper()
	err := n.Do(func() error {
		if err := addSAs(t); err != nil {
			return err
		}
		return addPolicies(t, isUnit)
	})
	if err != nil {
		b.Fatalf("Adding a tunnel to %s: %v", n.Name, err)
	}
}

// addSAs adds the SAs of a tunnel to the namespace of the calling thread.
func addSAs(t tunnel) error {
	for spi, ends := range map[uint32][2]string{
		t.outbound: {pairAddress, peerAddress}, t.inbound(): {peerAddress, pairAddress},
	} {
		sa := newSA(net.ParseIP(ends[0]), net.ParseIP(ends[1]), spi)
		sa.Reqid, sa.ReplayWindow, sa.ESN = int(t.outbound), t.window, t.extended
		if err := netlink.XfrmStateAdd(sa); err != nil {
			return err
		}
	}
	return nil
}

func addPolicies(t tunnel, isUnit bool) error {
	near, far, local, remote := t.client, t.server, pairAddress, peerAddress
	if !isUnit {
		near, far, local, remote = far, near, remote, local
	}
	for direction, ends := range map[netlink.Dir][4]string{
		netlink.XFRM_DIR_OUT: {near, far, local, remote}, netlink.XFRM_DIR_IN: {far, near, remote, local},
		netlink.XFRM_DIR_FWD: {far, near, remote, local},
	} {
		one := func(address string) *net.IPNet {
			return &net.IPNet{IP: net.ParseIP(address), Mask: net.CIDRMask(32, 32)}
		}
		err := netlink.XfrmPolicyAdd(&netlink.XfrmPolicy{
			Src: one(ends[0]), Dst: one(ends[1]), Dir: direction, Tmpls: []netlink.XfrmPolicyTmpl{{
				Src: net.ParseIP(ends[2]), Dst: net.ParseIP(ends[3]), Proto: netlink.XFRM_PROTO_ESP,
				Mode: netlink.XFRM_MODE_TUNNEL, Reqid: int(t.outbound),
			}},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// setStart makes the two SAs of one end count from the tunnel's start. The end sends with the SPI in sending.
func (b *bed) setStart(sas *xfrm.Table, t tunnel, sending uint32) {
	b.Helper()
	all, err := sas.List()
	if err != nil {
		b.Fatal(err)
	}
	for _, sa := range all {
		switch sa.SPI {
		case sending:
			sa.Counters.Sent = t.start
		case t.outbound, t.inbound():
			sa.Counters.Received = t.start
		default:
			continue
		}
		if results, err := sas.Write([]xfrm.SA{sa}); err != nil || results[0].Err != nil {
			b.Fatal(err, results)
		}
	}
}

// lead opens the gate of a unit, and moves the client's and the peer's routes to it, as its virtual addresses do.
func (b *bed) lead(u *espUnit) {
	b.Helper()
	b.setGate(u, true)
	b.route(b.peer, u.name, pairAddress+"/32", "")
	for _, tunnel := range tunnels() {
		b.route(b.client, u.name, tunnel.server+"/32", "192.168.50.1")
		b.route(b.peer, u.name, tunnel.client+"/32", pairAddress)
	}
}

// setGate lets a unit forward, or not, as the gate of the sidecar does.
func (b *bed) setGate(u *espUnit, isOpen bool) {
	b.Helper()
	u.namespace.Set(b, "net.ipv4.ip_forward", map[bool]string{false: "0", true: "1"}[isOpen])
}

// restart makes the SAs of a unit new ones with the same keys, as its IKE daemon installs them after a start.
func (b *bed) restart(u *espUnit) {
	b.Helper()
	err := u.namespace.Do(func() error {
		if err := netlink.XfrmStateFlush(netlink.XFRM_PROTO_ESP); err != nil {
			return err
		}
		for _, tunnel := range tunnels() {
			if err := addSAs(tunnel); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatalf("Restarting %s: %v", u.name, err)
	}
}

// statistic returns one of the kernel's counters of IPsec.
func (b *bed) statistic(n *testbed.Namespace, name string) (value int) {
	b.Helper()
	err := n.Do(func() error {
		text, err := os.ReadFile("/proc/thread-self/net/xfrm_stat")
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			if fields := strings.Fields(line); len(fields) == 2 && fields[0] == name {
				_, err = fmt.Sscan(fields[1], &value)
			}
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return value
}
