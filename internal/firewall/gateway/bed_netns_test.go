//go:build netns

package gateway_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/class/connectioncache"
	"github.com/hapair-io/hapair/internal/class/elements"
	"github.com/hapair-io/hapair/internal/class/own"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

// The hosts of the testbed. The server has no route to the clients, so it only answers the virtual address.
const (
	clientAddress, otherAddress = "192.168.50.10", "192.168.50.11"
	serverAddress               = "203.0.113.9"
	lanAddress, wanAddress      = "192.168.50.1", "203.0.113.1"

	clientAddress6, serverAddress6 = "fd50::10", "2001:db8:113::9"
	lanAddress6, wanAddress6       = "fd50::1", "2001:db8:113::1"
)

// The head of every document of these tests. It accepts control connections alone, and translates those that leave.
const head = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan]}
  - {name: wan, interfaces: [wan]}
  sourceNAT:
  - {name: out, to: wan, address: 203.0.113.1}
  - {name: out6, to: wan, address: "2001:db8:113::1"}
  policies:
  - {name: out, from: [lan], to: [wan], services: [control, plain], action: Accept}
  - {name: in, from: [wan], to: [lan], services: [control, plain], action: Accept}
  destinationNAT:
  - {name: in, from: wan, destination: 203.0.113.1, service: control, toAddress: 192.168.50.10}
  - {name: in6, from: wan, destination: "2001:db8:113::1", service: control, toAddress: "fd50::10"}
  services:
  - {name: plain, protocol: TCP, ports: [7]}
`

// with returns a document whose control connections at a port have a helper.
func with(helper string, port int) string {
	return head + fmt.Sprintf("  - {name: control, protocol: TCP, ports: [%d], helper: %s}\n", port, helper)
}

// builtFirewall is the path of the program under test.
var builtFirewall string

func TestMain(m *testing.M) {
	os.Exit(testbed.Main(m, func(directory string) {
		builtFirewall = filepath.Join(directory, "firewall")
	}, "../../../cmd/firewall"))
}

// bed is two clients and a server, with two units between them that have the same addresses. The first one forwards.
type bed struct {
	*testing.T
	fabric, client, server *testbed.Namespace
	units                  [2]*unit
}

// unit is a firewall with the classes of its sidecar.
type unit struct {
	*testbed.Namespace
	name      string
	directory string
	program   *testbed.Program
	classes   []class.Class
}

func newBed(t *testing.T, text string) *bed {
	t.Helper()
	b := &bed{
		T: t, fabric: testbed.NewNamespace(t, "switch"), client: testbed.NewNamespace(t, "client"),
		server: testbed.NewNamespace(t, "server"),
	}
	b.fabric.Bridge(t, "lan")
	b.fabric.Bridge(t, "wan")
	b.fabric.Plug(t, "lan", b.client, "eth0", "client")
	b.fabric.Plug(t, "wan", b.server, "eth0", "server")
	b.client.Link(t, "eth0").Address(clientAddress + "/24").Address(otherAddress + "/24").Route(lanAddress)
	b.server.Link(t, "eth0").Address(serverAddress + "/24")
	b.client.Link(t, "eth0").Address(clientAddress6 + "/64").Route(lanAddress6)
	b.server.Link(t, "eth0").Address(serverAddress6 + "/64")
	for i, name := range []string{"a", "b"} {
		b.units[i] = b.newUnit(name, text)
	}
	b.connect(b.units[1], false)
	return b
}

func (b *bed) newUnit(name, text string) *unit {
	b.Helper()
	u := &unit{Namespace: testbed.NewNamespace(b, name), name: name, directory: b.TempDir()}
	for i, link := range []string{"lan", "wan"} {
		b.fabric.Plug(b, link, u.Namespace, link, link+"-"+name)
		u.Run(b, fmt.Sprintf("ip link set %s address 02:00:00:00:00:%02d", link, i+1))
		u.Set(b, "net.ipv4.conf."+link+".accept_local", "1") // As the gate does.
	}
	u.Link(b, "lan").Address(lanAddress + "/24")
	u.Link(b, "wan").Address(wanAddress + "/24")
	u.Link(b, "lan").Address(lanAddress6 + "/64")
	u.Link(b, "wan").Address(wanAddress6 + "/64")
	u.Set(b, "net.ipv4.ip_forward", "1")
	u.Set(b, "net.ipv6.conf.all.forwarding", "1")
	u.Set(b, "net.netfilter.nf_conntrack_tcp_loose", "0")
	u.start(b)
	u.apply(b, text)
	cache := testbed.Open(b, u.Namespace, func() (*connectioncache.ConnectionCache, error) {
		virtual := []netip.Addr{
			netip.MustParseAddr(lanAddress), netip.MustParseAddr(wanAddress),
			netip.MustParseAddr(lanAddress6), netip.MustParseAddr(wanAddress6),
		}
		return connectioncache.New(connectioncache.Config{
			Own:        own.New(own.Config{Virtual: virtual, Read: own.OfInterfaces}),
			Replicated: []state.Class{state.RTSP},
		})
	})
	u.classes = append(u.classes, cache.Class())
	for id, helper := range map[state.Class]document.Helper{
		state.OracleSQLNet: document.HelperSQLNet, state.RealAudio: document.HelperRealAudio,
	} {
		pinholes := testbed.Open(b, u.Namespace, func() (*elements.Elements, error) {
			return elements.New(elements.Config{
				ID: id, Table: plan.Table, Prefixes: []string{plan.PinholePrefix(helper)},
			})
		})
		u.classes = append(u.classes, pinholes.Class())
	}
	return u
}

// start runs the firewall.
func (u *unit) start(t testing.TB) {
	t.Helper()
	u.program = u.StartProgram(t, exec.Command(builtFirewall, "--config="+u.file("firewall.json"),
		"--status="+u.file("status.json")))
}

func (u *unit) file(name string) string { return filepath.Join(u.directory, name) }

// apply mounts a document and waits until it is in force and its gateways run.
func (u *unit) apply(t testing.TB, text string) {
	t.Helper()
	if err := os.WriteFile(u.file("next"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(u.file("next"), u.file("firewall.json")); err != nil {
		t.Fatal(err)
	}
	testbed.Eventually(t, "the document to be in force", func() bool {
		data, _ := os.ReadFile(u.file("status.json"))
		return strings.Contains(string(data), `"hash":"`+document.Hash([]byte(text))+`"`)
	})
	if strings.Contains(text, "helper: None") {
		return
	}
	u.awaitGateway(t)
}

// awaitLog waits until the firewall has logged a text.
func (u *unit) awaitLog(t testing.TB, text string) {
	t.Helper()
	testbed.Eventually(t, "the log to have "+text, func() bool { return strings.Contains(u.program.Log.String(), text) })
}

// awaitGateway waits until the rules see that a gateway is alive.
func (u *unit) awaitGateway(t testing.TB) {
	t.Helper()
	testbed.Eventually(t, "the gateway to be alive", func() bool {
		return strings.Contains(u.Run(t, "nft list table inet hapair"), "nf_proto\n\t\tsize 65536\n"+
			"\t\tflags dynamic,timeout\n\t\ttimeout 2s\n\t\telements = {")
	})
}

// connect pulls or plugs both cables of a unit.
func (b *bed) connect(u *unit, plugged bool) {
	b.Helper()
	for _, link := range []string{"lan-", "wan-"} {
		if port := b.fabric.Link(b, link+u.name); plugged {
			port.Up()
		} else {
			port.Down()
			continue
		}
		testbed.Eventually(b, "the switch to forward", func() bool {
			return strings.Contains(b.fabric.Run(b, "bridge link show dev "+link+u.name), "state forwarding")
		})
	}
}

// failOver replicates everything, and makes the other unit forward.
func (b *bed) failOver() {
	b.Helper()
	from, to := b.units[0], b.units[1]
	b.replicate(from, to)
	b.connect(from, false)
	b.connect(to, true)
	b.units[0], b.units[1] = to, from
}

// replicate copies the state of one unit to the other.
func (b *bed) replicate(from, to *unit) {
	b.Helper()
	for n := range from.classes {
		var changes []state.Change
		_ = from.Do(func() error {
			for _, c := range classtest.Snapshot(b, from.classes[n]) {
				changes = append(changes, c)
			}
			return nil
		})
		err := to.Do(func() error {
			outcome, err := to.sink(from.classes[n].ID).Apply(b.Context(), changes)
			return errors.Join(err, outcome.Err)
		})
		if err != nil {
			b.Errorf("replicating %d changes of %s: %v", len(changes), from.classes[n].ID, err)
		}
	}
}

// sink returns the sink of a class.
func (u *unit) sink(id state.Class) class.Sink {
	i := slices.IndexFunc(u.classes, func(c class.Class) bool { return c.ID == id })
	return u.classes[i].Sink
}

// dial opens a TCP connection of the client. The source port is any if it is 0.
func (b *bed) dial(from *testbed.Namespace, source, to string) *net.TCPConn {
	b.Helper()
	dialer := net.Dialer{Timeout: testbed.Timeout, LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	return testbed.Open(b, from, func() (net.Conn, error) { return dialer.Dial("tcp", to) }).(*net.TCPConn)
}

// control is a control connection whose ends the test speaks itself.
type control struct {
	*bed
	client, server net.Conn
	clientReader   *bufio.Reader
	serverReader   *bufio.Reader
}

// openControl opens a control connection from an address of the client to a port of the server.
func (b *bed) openControl(source string, port int) *control {
	b.Helper()
	return b.openBetween(b.client, source, b.server, serverAddress, serverAddress, port)
}

// openBetween opens a control connection between hosts. The server listens at one address and is reached at another.
func (b *bed) openBetween(
	from *testbed.Namespace, source string, to *testbed.Namespace, address, reached string, port int,
) *control {
	b.Helper()
	listener := to.ListenTCP(b, at(address, port))
	defer func() { _ = listener.Close() }()
	return b.accept(listener, to, b.dial(from, source, at(reached, port)))
}

// openTo opens a control connection of the client to a listener of the server.
func (b *bed) openTo(listener net.Listener, reached string) *control {
	b.Helper()
	return b.accept(listener, b.server, b.dial(b.client, clientAddress, reached))
}

// accept accepts a control connection that was opened.
func (b *bed) accept(listener net.Listener, to *testbed.Namespace, client net.Conn) *control {
	b.Helper()
	c := &control{bed: b, client: client, server: testbed.Open(b, to, listener.Accept)}
	c.clientReader, c.serverReader = bufio.NewReader(c.client), bufio.NewReader(c.server)
	return c
}

// answer sends a text of the server and returns what the client reads up to an empty line.
func (c *control) answer(text string) string {
	c.Helper()
	c.write(text)
	return c.readHead()
}

func (c *control) write(text string) {
	c.Helper()
	if _, err := c.server.Write([]byte(text)); err != nil {
		c.Fatal(err)
	}
}

func (c *control) readHead() (head string) {
	c.Helper()
	if err := c.client.SetReadDeadline(time.Now().Add(testbed.Timeout)); err != nil {
		c.Fatal(err)
	}
	for !strings.HasSuffix(head, "\r\n\r\n") {
		line, err := c.clientReader.ReadString('\n')
		if err != nil {
			c.Fatalf("after %q: %v", head+line, err)
		}
		head += line
	}
	return head
}

// receives reports whether a datagram from a socket of the server to an address arrives.
func (b *bed) receives(socket *net.UDPConn, from *net.UDPConn, to, text string) bool {
	b.Helper()
	if _, err := from.WriteToUDPAddrPort([]byte(text), netip.MustParseAddrPort(to)); err != nil {
		b.Fatal(err)
	}
	return b.awaits(socket, text)
}

// quiet is how long a datagram is awaited that should not come.
const quiet = 300 * time.Millisecond

// awaits reports whether a datagram comes.
func (b *bed) awaits(socket *net.UDPConn, text string) bool {
	b.Helper()
	buffer := make([]byte, 2048)
	if err := socket.SetReadDeadline(time.Now().Add(quiet)); err != nil {
		b.Fatal(err)
	}
	for {
		n, err := socket.Read(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, unix.ECONNREFUSED) {
			return false
		}
		if err != nil {
			b.Fatal(err)
		}
		if string(buffer[:n]) == text {
			return true
		}
	}
}

// entries returns the entries of the unit that forwards.
func (b *bed) entries() string {
	b.Helper()
	return b.units[0].Run(b, "conntrack -L")
}
