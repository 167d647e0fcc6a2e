//go:build netns

package firewall_test

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"github.com/vishvananda/netlink"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/test/testbed"
)

// open admits connections from the LAN and translates their source. Most of these tests begin with it.
const open = head + `
  addresses:
  - {name: lan-net, members: [192.168.50.0/24, "fd50::/64"]}
  policies:
  - {name: out, from: [lan], to: [wan], source: [lan-net], action: Accept}
  sourceNAT:
  - {name: out, to: wan, source: [lan-net], address: 203.0.113.1}
  - {name: out6, to: wan, source: [lan-net], address: "2001:db8:113::1"}
`

func TestPolicies(t *testing.T) {
	b := newBed(t)
	b.echo(b.server, ":80")
	b.echo(b.server, ":81")
	b.echo(b.server, ":82")
	b.echo(b.firewall, ":80")
	b.apply(open + `
  services:
  - {name: web, protocol: TCP, ports: [80]}
  - {name: refused, protocol: TCP, ports: [81]}
  - {name: dropped, protocol: TCP, ports: [82]}
  - {name: dns, protocol: UDP, ports: [53]}
`)
	b.mustReach(b.client, serverAddress+":82")

	policies := strings.Split(open, "policies:")[0] + `
  services:
  - {name: web, protocol: TCP, ports: [80]}
  - {name: refused, protocol: TCP, ports: [81]}
  - {name: dns, protocol: UDP, ports: [53]}
  policies:
  - {name: refuse, from: [lan], to: [wan], services: [refused, dns], action: Reject}
  - {name: web, from: [lan], to: [wan], source: [lan-net], services: [web], action: Accept}
  - {name: manage, from: [lan], to: [firewall], services: [web], action: Accept}
  sourceNAT:
  - {name: out, to: wan, source: [lan-net], address: 203.0.113.1}
  - {name: out6, to: wan, source: [lan-net], address: "2001:db8:113::1"}
`
	b.apply(policies)
	b.mustReach(b.client, serverAddress+":80")
	b.mustReach(b.client, "["+serverAddress6+"]:80")
	b.mustReject(b.client, serverAddress+":81", syscall.ECONNREFUSED)
	b.mustReject(b.client, "["+serverAddress6+"]:81", syscall.ECONNREFUSED)
	b.mustDrop(b.client, serverAddress+":82")
	b.mustDrop(b.client, "["+serverAddress6+"]:82")
	b.mustReach(b.client, lanAddress+":80")
	b.mustDrop(b.server, wanAddress+":80")
	b.mustDrop(b.client, lanAddress+":22")

	udp := b.client.DialUDP(t, "", serverAddress+":53")
	if _, err := udp.Write([]byte("?")); err != nil {
		t.Fatal(err)
	}
	_ = udp.SetReadDeadline(time.Now().Add(patience))
	// Administratively prohibited reaches an application as an unreachable host.
	if _, err := udp.Read(make([]byte, 1)); !errors.Is(err, syscall.EHOSTUNREACH) {
		t.Errorf("reading after a rejected datagram: %v", err)
	}
}

func TestSourceNAT(t *testing.T) {
	b := newBed(t)
	b.echo(b.server, ":80")
	b.apply(open)
	for address, want := range map[string]string{
		serverAddress + ":80": wanAddress, "[" + serverAddress6 + "]:80": wanAddress6,
	} {
		seen, local := b.mustReach(b.client, address)
		if seen.Addr() != netip.MustParseAddr(want) || seen.Port() != local.Port() {
			t.Errorf("the server saw %v, want %s with the port of %v", seen, want, local)
		}
	}
}

func TestDestinationNAT(t *testing.T) {
	b := newBed(t)
	b.echo(b.client, ":8080")
	b.apply(head + `
  addresses:
  - {name: web-server, members: [192.168.50.10, "fd50::10"]}
  services:
  - {name: web, protocol: TCP, ports: [80]}
  - {name: web-server, protocol: TCP, ports: [8080]}
  policies:
  - {name: web-in, from: [wan], to: [lan], destination: [web-server], services: [web-server], action: Accept}
  destinationNAT:
  - {name: web, from: wan, destination: 203.0.113.1, service: web, toAddress: 192.168.50.10, toPort: 8080}
  - {name: web6, from: wan, destination: "2001:db8:113::1", service: web, toAddress: "fd50::10", toPort: 8080}
`)
	seen, _ := b.mustReach(b.server, wanAddress+":80")
	if seen.Addr() != netip.MustParseAddr(serverAddress) {
		t.Errorf("the web server saw %v", seen)
	}
	b.mustReach(b.server, "["+wanAddress6+"]:80")
	b.mustDrop(b.server, wanAddress+":8080")
	b.mustDrop(b.server, wanAddress+":81")
}

// Packets of an unknown connection are dropped in silence. After a failover without its state, an answer to either end
// would end the connection for good.
func TestUnknownConnectionIsDroppedInSilence(t *testing.T) {
	b := newBed(t)
	b.echo(b.server, ":80")
	b.apply(open)
	for _, address := range []string{serverAddress + ":80", "[" + serverAddress6 + "]:80"} {
		l := b.mustDial(b.client, address)
		if _, err := l.exchange("before", patience); err != nil {
			t.Fatal(err)
		}
		b.flushConnections()
		if _, err := l.exchange("after", silence); !isTimeout(err) {
			t.Errorf("%s: after the state was lost: %v, want silence", address, err)
		}
		if n := b.connections(); n != 0 {
			t.Errorf("%s: packets in midstream created %d connections", address, n)
		}
	}
}

// In the other direction the server sends to the firewall's own address. There is no socket, and the rule must drop the
// segment before the kernel answers with a reset.
func TestUnknownConnectionToTheFirewallIsDroppedInSilence(t *testing.T) {
	b := newBed(t)
	b.apply(open)
	listener := b.server.ListenTCP(t, ":80")
	b.mustDial(b.client, serverAddress+":80")
	accepted, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = accepted.Close() }()
	b.flushConnections()
	if _, err := fmt.Fprintln(accepted, "are you there?"); err != nil {
		t.Fatal(err)
	}
	_ = accepted.SetReadDeadline(time.Now().Add(silence))
	if _, err := accepted.Read(make([]byte, 1)); !isTimeout(err) {
		t.Errorf("the server got %v, want silence", err)
	}
}

// flushConnections deletes all connections, as on a unit that takes over without state.
func (b *bed) flushConnections() {
	b.Helper()
	err := b.firewall.Do(func() error { return netlink.ConntrackTableFlush(netlink.ConntrackTable) })
	if err != nil {
		b.Fatal(err)
	}
}

// connections returns the number of TCP connections in the firewall's table.
func (b *bed) connections() (n int) {
	b.Helper()
	err := b.firewall.Do(func() error {
		for _, family := range []netlink.InetFamily{syscall.AF_INET, syscall.AF_INET6} {
			flows, err := netlink.ConntrackTableList(netlink.ConntrackTable, family)
			if err != nil {
				return err
			}
			for _, f := range flows {
				if f.Forward.Protocol == syscall.IPPROTO_TCP {
					n++
				}
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return n
}

func TestICMP(t *testing.T) {
	b := newBed(t)
	b.apply(open)
	if !b.ping(b.client, serverAddress, 0, patience) || !b.ping(b.client, serverAddress6, 0, patience) {
		t.Error("an echo request that a policy accepts is not answered")
	}
	if b.ping(b.client, serverAddress, 1, silence) {
		t.Error("an echo request of an unknown code is answered")
	}
	if b.ping(b.client, lanAddress, 0, silence) || b.ping(b.client, lanAddress6, 0, silence) {
		t.Error("the firewall itself answers echo requests without a policy")
	}

	// The error is related to a connection and passes the translation back.
	udp := b.client.DialUDP(t, "", serverAddress+":9")
	if _, err := udp.Write([]byte("?")); err != nil {
		t.Fatal(err)
	}
	_ = udp.SetReadDeadline(time.Now().Add(patience))
	if _, err := udp.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("reading after a datagram to a closed port: %v", err)
	}

	b.apply(strings.ReplaceAll(open, "policies:\n", `services:
  - {name: ping, protocol: ICMP}
  - {name: ping6, protocol: ICMPv6}
  policies:
  - {name: ping, from: [lan, wan], to: [firewall], services: [ping, ping6], action: Accept}
`))
	for _, address := range []string{lanAddress, lanAddress6} {
		if !b.ping(b.client, address, 0, patience) {
			t.Errorf("an echo request to the firewall at %s that a policy accepts is not answered", address)
		}
	}
	b.redirect()
}

// redirect sends a redirect that is related to an existing connection, and expects it to be dropped.
func (b *bed) redirect() {
	b.Helper()
	conn := testbed.Open(b, b.server, func() (net.Conn, error) { return net.Dial("ip4:icmp", wanAddress) })
	if !b.ping(b.server, wanAddress, 0, patience) {
		b.Error("the firewall does not answer")
	}
	before := b.rules("invalid")
	// The redirect quotes the echo reply to the ping above.
	message := []byte{5, 1, 0, 0, 203, 0, 113, 99, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 1, 0, 0}
	message = append(message, net.ParseIP(wanAddress).To4()...)
	message = append(message, net.ParseIP(serverAddress).To4()...)
	message = append(message, 0, 0, 0, 0, 0x12, 0x34, 0, 1)
	sum := testbed.Checksum(message)
	message[2], message[3] = byte(sum>>8), byte(sum)
	if _, err := conn.Write(message); err != nil {
		b.Fatal(err)
	}
	b.eventually(func() string { return b.rules("invalid") }, gomega.Not(gomega.Equal(before)))
}

// rules returns a chain of the firewall's table with its counters, as nft lists it.
func (b *bed) rules(chain string) string {
	b.Helper()
	return b.in(b.firewall, "nft", "list", "chain", "inet", "hapair", chain)
}

// Even without any policy IPv6 neighbours find each other.
func TestNeighbourDiscovery(t *testing.T) {
	b := newBed(t)
	b.apply(head)
	b.in(b.client, "ip", "neigh", "flush", "dev", "eth0")
	b.ping(b.client, lanAddress6, 0, silence)
	b.eventually(func() string { return b.in(b.client, "ip", "-6", "neigh", "show", lanAddress6) },
		gomega.ContainSubstring("lladdr"))
	b.mustDrop(b.client, "["+lanAddress6+"]:80")
}

func TestOtherInterfacesPassUntouched(t *testing.T) {
	b := newBed(t)
	b.echo(b.firewall, ":7780")
	b.echo(b.neighbour, ":80")
	b.echo(b.client, ":80")
	b.apply(strings.Replace(open, "to: [wan]", "to: [lan, wan, firewall]", 1))
	b.mustReach(b.neighbour, podAddress+":7780")
	b.mustReach(b.firewall, neighbourAddress+":80")
	b.mustReach(b.firewall, "127.0.0.1:7780")
	// Nothing is forwarded between a zone and an interface of no zone, whatever the policies are.
	b.mustDrop(b.client, neighbourAddress+":80")
	b.mustDrop(b.neighbour, clientAddress+":80")
	// The unit itself may send anything to zones.
	b.mustReach(b.firewall, clientAddress+":80")
}

func TestChangeThatStillAllowsAConnectionKeepsIt(t *testing.T) {
	b := newBed(t)
	b.echo(b.server, ":80")
	b.apply(open)
	l := b.mustDial(b.client, serverAddress+":80")
	seen, err := l.exchange("before", patience)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		b.apply(open + fmt.Sprintf("# Nothing new, change %d.\n", i))
		if again, err := l.exchange("during", patience); err != nil || again != seen {
			t.Fatalf("the connection from %s is from %s now: %v", seen, again, err)
		}
	}
	b.apply(head)
	b.mustDrop(b.client, serverAddress+":80")
}

func TestRefusedDocumentLeavesTheLastGoodOneInForce(t *testing.T) {
	b := newBed(t)
	b.echo(b.server, ":80")
	b.eventually(func() string { return b.status().Error }, gomega.ContainSubstring("no document exists at"))
	b.apply(open)
	before := b.ruleset()

	bad := strings.Replace(open, "source: [lan-net], action", "source: [lann], action", 1)
	b.write(bad)
	b.eventually(func() string { return b.status().RefusedHash }, gomega.Equal(document.Hash([]byte(bad))))
	status := b.status()
	if status.Hash != document.Hash([]byte(open)) ||
		status.Error != `spec.policies[0].source[0]: unknown address object "lann"; defined are: lan-net` {
		t.Errorf("the status is %+v", status)
	}
	if after := b.ruleset(); after != before {
		t.Errorf("the ruleset changed to:\n%s", after)
	}
	b.mustReach(b.client, serverAddress+":80")
	b.apply(open)
}

// knownSources are the elements that packets add to the caches of checked sources.
var knownSources = regexp.MustCompile(`(set known\.ipv[46] \{[^}]*?)\s*elements = \{[^}]*\}`)

// ruleset returns the ruleset of the firewall without what packets change in it.
func (b *bed) ruleset() string {
	b.Helper()
	return knownSources.ReplaceAllString(b.in(b.firewall, "nft", "-s", "list", "ruleset"), "$1")
}

// A ConfigMap is mounted as a symbolic link to a directory, which is replaced as a whole.
func TestMountedConfigMapIsFollowed(t *testing.T) {
	b := newBed(t)
	swap := func(version, text string) {
		data := filepath.Join(b.directory, version)
		if err := os.Mkdir(data, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(data, "firewall.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		next := filepath.Join(b.directory, "..data_tmp")
		if err := errors.Join(os.Symlink(version, next), os.Rename(next, filepath.Join(b.directory, "..data"))); err != nil {
			t.Fatal(err)
		}
		b.eventually(func() string { return b.status().Hash }, gomega.Equal(document.Hash([]byte(text))))
	}
	if err := os.Symlink("..data/firewall.json", b.document()); err != nil {
		t.Fatal(err)
	}
	swap("..1", head)
	begin := time.Now()
	swap("..2", open)
	t.Logf("in force %v after the mount changed", time.Since(begin))
}

func TestRulesetIsRestored(t *testing.T) {
	b := newBed(t)
	b.apply(open)
	b.in(b.firewall, "nft", "delete", "table", "inet", "hapair")
	b.eventually(func() string { return b.in(b.firewall, "nft", "list", "tables") }, gomega.ContainSubstring("hapair"))
	b.eventually(b.program.Log.String, gomega.ContainSubstring("Restoring ruleset"))
}

// The end and the start of the program neither open nor close anything.
func TestRestart(t *testing.T) {
	b := newBed(t)
	b.echo(b.server, ":80")
	b.apply(open)
	l := b.mustDial(b.client, serverAddress+":80")
	if err := os.Remove(b.document()); err != nil {
		t.Fatal(err)
	}
	b.program.Terminate()
	if _, err := l.exchange("stopped", patience); err != nil {
		t.Error(err)
	}
	b.mustReach(b.client, serverAddress+":80")
	b.mustDrop(b.server, wanAddress+":80")
	if err := os.Remove(b.statusFile()); err != nil {
		t.Fatal(err)
	}
	// The document is gone, but the kernel knows which one it enforces.
	b.start()
	b.eventually(func() string { return b.status().Hash }, gomega.Equal(document.Hash([]byte(open))))
	b.apply(open)
	if _, err := l.exchange("started", patience); err != nil {
		t.Error(err)
	}
}

func TestPacketsAreLogged(t *testing.T) {
	b := newBed(t)
	b.echo(b.server, ":80")
	b.apply(strings.Replace(open, "action: Accept", "action: Accept, log: true", 1) + "  logging: {dropped: true}\n")
	b.mustReach(b.client, serverAddress+":80")
	b.eventually(b.program.Log.String, gomega.MatchRegexp(`"Seeing packet","policy":"out","in":"lan","out":"wan",`+
		`"protocol":"TCP","source":"192.168.50.10:\d+","destination":"203.0.113.9:80"`))
	b.mustDrop(b.server, wanAddress+":22")
	b.eventually(b.program.Log.String, gomega.MatchRegexp(`"Seeing packet","policy":"dropped","in":"wan","out":"",`+
		`"protocol":"TCP","source":"203.0.113.9:\d+","destination":"203.0.113.1:22"`))

	// A flood of packets does not flood the log.
	lines := func() int { return strings.Count(b.program.Log.String(), `"policy":"dropped"`) }
	udp := b.server.DialUDP(t, "", wanAddress+":53")
	for range 5000 {
		if _, err := udp.Write([]byte("?")); err != nil {
			t.Fatal(err)
		}
	}
	b.eventually(lines, gomega.BeNumerically(">", 5))
	if n := lines(); n > 100 {
		t.Errorf("5,000 packets made %d lines", n)
	}
}
