//go:build netns

package dataplane

import (
	"context"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
)

// TestMain runs the tests in a network namespace of their own, which is that of the unit.
func TestMain(m *testing.M) {
	namespace.Alone()
	goleak.VerifyTestMain(m)
}

// The control plane of the bed: the pod's network is behind a gateway, as are the peer and the API server.
const (
	podAddress, podAddress6     = "10.244.1.5", "fd00:10:244:1::5"
	podGateway, podGateway6     = "10.244.1.1", "fd00:10:244:1::1"
	peerAddress, peerAddress6   = "10.244.2.7", "fd00:10:244:2::7"
	apiAddress, apiAddress6     = "10.96.0.1", "fd00:10:96::1"
	ownLAN, ownLAN6             = "192.168.50.2", "fd50::2"
	virtualLAN, virtualLAN6     = "192.168.50.1", "fd50::1"
	virtualWAN, virtualWAN6     = "203.0.113.1", "2001:db8:113::1"
	lanHost, lanHost6           = "192.168.50.10", "fd50::10"
	serverAddress, serverLocal6 = "203.0.113.9", "2001:db8:113::9"
)

// bed is a unit, which is the process itself, with the pod network, a host on the LAN and one on the WAN.
//
//	peer, API server ── eth0 unit lan ── host
//	                         unit wan ── server
type bed struct {
	t                       testing.TB
	unit, pods, lan, server *testbed.Namespace
	kernel                  *rtnetlink.Conn
	networks                []Network
	counting                bool // packets to the pod network are being counted
}

func newBed(t testing.TB) *bed {
	t.Helper()
	b := &bed{
		t: t, unit: testbed.Own(), pods: testbed.NewNamespace(t, "pods"), lan: testbed.NewNamespace(t, "lan"),
		server: testbed.NewNamespace(t, "server"),
		networks: []Network{
			{Interface: "lan", Addresses: []netip.Prefix{prefix(virtualLAN + "/24"), prefix(virtualLAN6 + "/64")}},
			{Interface: "wan", Addresses: []netip.Prefix{prefix(virtualWAN + "/24"), prefix(virtualWAN6 + "/64")}},
		},
	}
	b.unit.Link(t, "lo").Up()
	for name, to := range map[string]*testbed.Namespace{"eth0": b.pods, "lan": b.lan, "wan": b.server} {
		b.wire(name, to)
	}
	b.unit.Link(t, "eth0").Address(podAddress + "/24").Address(podAddress6 + "/64")
	b.ip("route add default via " + podGateway)
	b.ip("-6 route add default via " + podGateway6)
	b.pods.Link(t, "eth00").Address(podGateway + "/24").Address(podGateway6 + "/64")
	b.pods.Link(t, "lo").Address(peerAddress + "/32").Address(apiAddress + "/32").
		Address(peerAddress6 + "/128").Address(apiAddress6 + "/128")
	b.unit.Link(t, "lan").Address(ownLAN + "/24").Address(ownLAN6 + "/64")
	b.lan.Link(t, "lan0").Address(lanHost + "/24").Route(virtualLAN).Address(lanHost6 + "/64").Route(virtualLAN6)
	b.server.Link(t, "wan0").Address(serverAddress + "/24").Route(virtualWAN).
		Address(serverLocal6 + "/64").Route(virtualWAN6)
	for _, name := range []string{"net.ipv4.conf.lan.forwarding", "net.ipv4.conf.wan.forwarding"} {
		b.set(name, "1")
	}
	b.set("net.ipv4.conf.all.rp_filter", "0")
	b.set("net.ipv6.conf.all.forwarding", "0")
	b.kernel = testbed.Open(t, b.unit, rtnetlink.Dial)
	t.Cleanup(b.clear)
	return b
}

// wire connects an interface of the unit to a namespace.
func (b *bed) wire(name string, to *testbed.Namespace) {
	b.t.Helper()
	b.set("net.ipv6.conf.default.accept_dad", "0")
	to.Set(b.t, "net.ipv6.conf.default.accept_dad", "0")
	testbed.Wire(b.t, b.unit, name, to, name+"0")
}

// clear removes what a test has left in the unit's namespace.
func (b *bed) clear() {
	for _, line := range []string{
		"ip rule flush protocol 178", "ip -6 rule flush protocol 178", "ip route flush table 7780",
		"ip -6 route flush table 7780", "nft flush ruleset",
	} {
		_, _ = b.unit.Try(line) // Nothing to flush is an error.
	}
}

func prefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }

// ip runs a command of iproute2 in the unit.
func (b *bed) ip(line string) string { b.t.Helper(); return b.unit.Run(b.t, "ip "+line) }

// set writes a kernel setting of the unit.
func (b *bed) set(name, value string) { b.t.Helper(); b.unit.Set(b.t, name, value) }

// ping sends one echo request from a namespace, and returns what the command prints.
func (b *bed) ping(where *testbed.Namespace, to string, arguments ...string) (string, error) {
	return where.Try("ping " + strings.Join(arguments, " ") + " -n -c 1 -W 1 " + to)
}

// attach gives the unit the virtual addresses, as package addresses does.
func (b *bed) attach() {
	b.t.Helper()
	for _, n := range b.networks {
		link, err := b.kernel.Link(n.Interface)
		if err != nil {
			b.t.Fatal(err)
		}
		if refused := b.kernel.AddAddresses(link.Index, n.Addresses); len(refused) > 0 {
			b.t.Fatal(refused)
		}
	}
}

// withdraw removes the virtual addresses.
func (b *bed) withdraw() {
	b.t.Helper()
	all, err := b.kernel.AddressTable()
	if err != nil {
		b.t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(a rtnetlink.Address) bool {
		return !slices.ContainsFunc(b.networks, func(n Network) bool { return slices.Contains(n.Addresses, a.Prefix) })
	})
	if err := b.kernel.RemoveAddresses(all); err != nil {
		b.t.Fatal(err)
	}
}

// run sets the data plane and keeps it until the test ends. It returns where faults are reported.
func (b *bed) run() <-chan error {
	b.t.Helper()
	p := New(Options{Networks: b.networks, Kernel: b.kernel, Log: testr.New(b.t.(*testing.T))})
	if err := p.Set(); err != nil {
		b.t.Fatal(err)
	}
	faults := make(chan error, 100)
	testbed.Background(b.t, func(ctx context.Context) { p.Run(ctx, func(err error) { faults <- err }) })
	return faults
}

// serve accepts connections at an address of a namespace, and echoes what they send.
func (b *bed) serve(where *testbed.Namespace, address string) netip.AddrPort {
	b.t.Helper()
	return where.ServeTCP(b.t, net.JoinHostPort(address, "0"), func(conn net.Conn) { _, _ = io.Copy(conn, conn) })
}

// dial opens a connection from a namespace.
func (b *bed) dial(where *testbed.Namespace, to netip.AddrPort) (conn net.Conn, err error) {
	const patience = 2 * time.Second
	dialer := &net.Dialer{Timeout: patience, FallbackDelay: -1}
	err = where.Do(func() error {
		conn, err = dialer.Dial("tcp", to.String())
		return err
	})
	if err == nil {
		b.t.Cleanup(func() { _ = conn.Close() })
	}
	return conn, err
}

// connect opens a connection and uses it.
func (b *bed) connect(where *testbed.Namespace, to netip.AddrPort) net.Conn {
	b.t.Helper()
	conn, err := b.dial(where, to)
	if err != nil {
		b.t.Fatalf("Connecting: %v\n%s%s", err, b.ip("rule"), b.ip("route show table all"))
	}
	b.alive("a new connection", conn)
	return conn
}

// alive checks that a connection carries data both ways.
func (b *bed) alive(what string, conn net.Conn) {
	b.t.Helper()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		b.t.Fatal(err)
	}
	answer := make([]byte, 4)
	if _, err := conn.Write([]byte("ping")); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	if _, err := io.ReadFull(conn, answer); err != nil {
		b.t.Fatalf("%s: %v\n%s%s", what, err, b.ip("rule"), b.ip("route show table all"))
	}
}

// controlPlane are connections of the unit to its peer and the API server, of both families.
type controlPlane struct {
	b       *bed
	servers map[string]netip.AddrPort
	conns   map[string]net.Conn
}

func (b *bed) controlPlane() *controlPlane {
	b.t.Helper()
	c := &controlPlane{b: b, servers: map[string]netip.AddrPort{}, conns: map[string]net.Conn{}}
	for _, a := range []string{peerAddress, apiAddress, peerAddress6, apiAddress6} {
		c.servers[a] = b.serve(b.pods, a)
		c.conns[a] = b.connect(b.unit, c.servers[a])
	}
	return c
}

// works checks that the connections live and that new ones can be made.
func (c *controlPlane) works() {
	c.b.t.Helper()
	for a, conn := range c.conns {
		c.b.alive("the connection to "+a, conn)
		c.b.connect(c.b.unit, c.servers[a])
	}
}
