//go:build netns

package dataplane

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/test/testbed"
)

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
	t                 testing.TB
	pods, lan, server *testbed.Namespace
	kernel            *rtnetlink.Conn
	networks          []Network
	counting          bool // packets to the pod network are being counted
}

func newBed(t testing.TB) *bed {
	t.Helper()
	b := &bed{
		t: t, pods: testbed.NewNamespace(t, "pods"), lan: testbed.NewNamespace(t, "lan"),
		server: testbed.NewNamespace(t, "server"),
		networks: []Network{
			{Interface: "lan", Addresses: []netip.Prefix{prefix(virtualLAN + "/24"), prefix(virtualLAN6 + "/64")}},
			{Interface: "wan", Addresses: []netip.Prefix{prefix(virtualWAN + "/24"), prefix(virtualWAN6 + "/64")}},
		},
	}
	b.ip("link set lo up")
	for name, to := range map[string]*testbed.Namespace{"eth0": b.pods, "lan": b.lan, "wan": b.server} {
		to.Set(t, "net.ipv6.conf.default.accept_dad", "0")
		b.ip(fmt.Sprintf("link add %s type veth peer name %s0 netns %s", name, name, to.Name))
		t.Cleanup(func() { b.ip("link delete " + name) })
		to.Link(t, name+"0").Up()
		b.set("net.ipv6.conf."+name+".accept_dad", "0")
		b.ip("link set " + name + " up")
	}
	b.ip("address add " + podAddress + "/24 dev eth0")
	b.ip("address add " + podAddress6 + "/64 dev eth0 nodad")
	b.ip("route add default via " + podGateway)
	b.ip("-6 route add default via " + podGateway6)
	b.pods.Link(t, "eth00").Address(podGateway + "/24").Address(podGateway6 + "/64")
	for _, a := range []string{peerAddress, apiAddress} {
		b.pods.Link(t, "lo").Address(a + "/32")
	}
	for _, a := range []string{peerAddress6, apiAddress6} {
		b.pods.Link(t, "lo").Address(a + "/128")
	}
	b.ip("address add " + ownLAN + "/24 dev lan")
	b.ip("address add " + ownLAN6 + "/64 dev lan nodad")
	b.lan.Link(t, "lan0").Address(lanHost + "/24").Route(virtualLAN).Address(lanHost6 + "/64").Route(virtualLAN6)
	b.server.Link(t, "wan0").Address(serverAddress + "/24").Route(virtualWAN).
		Address(serverLocal6 + "/64").Route(virtualWAN6)
	for _, name := range []string{"net.ipv4.conf.lan.forwarding", "net.ipv4.conf.wan.forwarding"} {
		b.set(name, "1")
	}
	b.set("net.ipv4.conf.all.rp_filter", "0")
	b.set("net.ipv6.conf.all.forwarding", "0")
	var err error
	if b.kernel, err = rtnetlink.Dial(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.kernel.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(b.clear)
	return b
}

// clear removes what a test has left in the unit's namespace.
func (b *bed) clear() {
	for _, family := range []string{"", "-6 "} {
		_ = exec.Command("ip", strings.Fields(family+"rule flush protocol 178")...).Run() // nothing to flush is an error
		_ = exec.Command("ip", strings.Fields(family+"route flush table 7780")...).Run()
	}
	_ = exec.Command("nft", "flush", "ruleset").Run()
}

func prefix(text string) netip.Prefix { return netip.MustParsePrefix(text) }

// ip runs a command of iproute2 in the unit.
func (b *bed) ip(line string) string {
	b.t.Helper()
	out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput()
	if err != nil {
		b.t.Fatalf("ip %s: %v: %s", line, err, out)
	}
	return string(out)
}

// set writes a kernel setting of the unit.
func (b *bed) set(name, value string) {
	b.t.Helper()
	if err := os.WriteFile("/proc/sys/"+strings.ReplaceAll(name, ".", "/"), []byte(value), 0); err != nil {
		b.t.Fatalf("setting %s: %v", name, err)
	}
}

// nft adds rules to the unit.
func (b *bed) nft(rules string) {
	b.t.Helper()
	command := exec.Command("nft", "-f", "-")
	command.Stdin = strings.NewReader(rules)
	if out, err := command.CombinedOutput(); err != nil {
		b.t.Fatalf("nft: %v: %s", err, out)
	}
}

// nftCounter lists the counter of packets to the pod network.
func (b *bed) nftCounter() string {
	b.t.Helper()
	out, err := exec.Command("nft", "list", "counter", "netdev", "counting", "foreign").CombinedOutput()
	if err != nil {
		b.t.Fatalf("nft: %v: %s", err, out)
	}
	return string(out)
}

// ping sends one echo request from a namespace, and returns what the command prints.
func (b *bed) ping(where *testbed.Namespace, to string, arguments ...string) (string, error) {
	b.t.Helper()
	command := exec.Command("ping", append(arguments, "-n", "-c", "1", "-W", "1", to)...)
	var out strings.Builder
	command.Stdout, command.Stderr = &out, &out
	if err := where.Start(command); err != nil {
		b.t.Fatal(err)
	}
	err := command.Wait()
	return out.String(), err
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
	ctx, cancel := context.WithCancel(b.t.Context())
	faults := make(chan error, 100)
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx, func(err error) { faults <- err }) })
	b.t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return faults
}

// inside runs f in a namespace, or in the unit for nil.
func inside(where *testbed.Namespace, f func() error) error {
	if where == nil {
		return f()
	}
	return where.Do(f)
}

// serve accepts connections at an address of a namespace, and echoes what they send. An empty namespace is the unit.
func (b *bed) serve(where *testbed.Namespace, address string) netip.AddrPort {
	b.t.Helper()
	var listener net.Listener
	listen := func() (err error) {
		listener, err = net.Listen("tcp", net.JoinHostPort(address, "0"))
		return err
	}
	if err := inside(where, listen); err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.t.Context()))
	var parts sync.WaitGroup
	parts.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			parts.Go(func() {
				defer stop()
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			})
		}
	})
	b.t.Cleanup(func() {
		cancel()
		_ = listener.Close()
		parts.Wait()
	})
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

// dial opens a connection from a namespace, or from the unit.
func (b *bed) dial(where *testbed.Namespace, to netip.AddrPort) (net.Conn, error) {
	const patience = 2 * time.Second
	dialer := &net.Dialer{Timeout: patience, FallbackDelay: -1}
	var conn net.Conn
	dial := func() (err error) {
		conn, err = dialer.Dial("tcp", to.String())
		return err
	}
	err := inside(where, dial)
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
		c.conns[a] = b.connect(nil, c.servers[a])
	}
	return c
}

// works checks that the connections live and that new ones can be made.
func (c *controlPlane) works() {
	c.b.t.Helper()
	for a, conn := range c.conns {
		c.b.alive("the connection to "+a, conn)
		c.b.connect(nil, c.servers[a])
	}
}
