//go:build netns

package pair_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
)

// everything accepts connections from the LAN.
const everything = `
  policies:
  - {name: lan-to-wan, from: [lan], to: [wan], action: Accept}
`

// TestRelayedRequestsAreNeverReplicated runs Debian's DHCP relay on the active. Its server has the address of the
// canary. The relay asks it from a virtual address, as it does in a pod.
func TestRelayedRequestsAreNeverReplicated(t *testing.T) {
	e := newExcluded(t, everything)
	e.Client.ListenUDP(t, canary+":67")
	e.Primary.Run(t, "ip route replace "+canary+"/32 dev lan0 src "+testbed.VirtualLAN.Addr().String())
	relay := exec.Command("dhcrelay", "-4", "-d", "--no-pid", "-iu", "lan0", "-id", "wan0", canary)
	program := e.Primary.StartProgram(t, relay)
	t.Cleanup(program.Kill)
	testbed.Eventually(t, "the relay listens", func() bool {
		return strings.Contains(program.Log.String(), "Sending on   Socket/fallback")
	})
	testbed.Eventually(t, "the relay asks the server", func() bool {
		e.discover()
		return e.active.count(isRelayed) > 0
	})
	e.wantExcluded()
}

// isRelayed reports whether a connection is one of the relay with its server.
func isRelayed(f conntrack.Flow) bool {
	return f.Orig.Src == testbed.VirtualLAN.Addr() && f.Orig.Dst == netip.MustParseAddr(canary) && f.Orig.DstPort == 67
}

// discover broadcasts a request for an address from the WAN (RFC 2131).
func (e excluded) discover() {
	e.t.Helper()
	request := make([]byte, 300)
	request[0], request[1], request[2] = 1, 1, 6 // a request of an Ethernet host
	copy(request[28:], []byte{2, 0, 0, 0, 0, 7})
	copy(request[236:], []byte{99, 130, 83, 99, 53, 1, 1, 255})
	broadcast(e.t, e.Server, testbed.ServerAddress+":68", "203.0.113.255:67", request)
}

// broadcast sends a datagram to a broadcast address.
func broadcast(t *testing.T, from *testbed.Namespace, source, destination string, datagram []byte) {
	t.Helper()
	listen := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1) })
		return errors.Join(err, failed)
	}}
	conn := testbed.Open(t, from, func() (net.PacketConn, error) {
		return listen.ListenPacket(context.Background(), "udp4", source)
	})
	to := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(destination))
	if _, err := conn.WriteTo(datagram, to); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

// askForNames makes the kernel expect the answers to the broadcasts of a relay for NetBIOS.
const askForNames = `
table ip names {
	ct helper names { type "netbios-ns" protocol udp; }
	chain asked {
		type filter hook output priority 0;
		udp dport 137 ct helper set "names"
	}
}
`

// TestRelayedNamesAreNeverReplicated has the active ask all hosts of the LAN for a NetBIOS name, as a relay does, and
// the canary answers. Only the kernel's helper lets the answer in.
func TestRelayedNamesAreNeverReplicated(t *testing.T) {
	e := newExcluded(t, everything)
	e.Primary.Firewall(t, askForNames)
	// A query for the name * and an answer (RFC 1002, 4.2.12 and 4.2.13).
	name := append([]byte{32, 'C', 'K'}, bytes.Repeat([]byte("A"), 30)...)
	query := slices.Concat([]byte{0, 1, 1, 16, 0, 1, 0, 0, 0, 0, 0, 0}, name, []byte{0, 0, 32, 0, 1})
	answer := slices.Concat([]byte{0, 1, 133, 0, 0, 0, 0, 1, 0, 0, 0, 0}, name,
		[]byte{0, 0, 32, 0, 1, 0, 0, 0, 0, 0, 6, 0, 0, 192, 168, 50, 77})
	relay := testbed.VirtualLAN.Addr().String() + ":137"
	broadcast(t, e.Primary, relay, "192.168.50.255:137", query)
	isAnswer := func(f conntrack.Flow) bool { return f.Fields.Has(conntrack.FieldMaster) && f.Orig.DstPort == 137 }
	testbed.Eventually(t, "the active knows the answer", func() bool {
		broadcast(t, e.Client, canary+":137", relay, answer)
		return e.active.count(isAnswer) > 0
	})
	e.wantExcluded()
}

// guarded accepts connections from the LAN, except to the port that is flooded. So a flood leaves no connections.
const guarded = `
  services:
  - {name: flooded, protocol: TCP, ports: [7]}
  policies:
  - {name: not-flooded, from: [lan], to: [wan], services: [flooded], action: Drop}
  - {name: lan-to-wan, from: [lan], to: [wan], action: Accept}
`

// meters drops attempts of hosts that made more than five, and counts the others.
const meters = `
table inet flood {
	set seen { type ipv4_addr; size 1024; flags dynamic,timeout; timeout 10m; }
	counter passed { }
	chain attempts {
		type filter hook prerouting priority -10;
		iifname "lan0" tcp dport 7 add @seen { ip saddr limit rate over 1/hour burst 5 packets } drop
		iifname "lan0" tcp dport 7 counter name passed
	}
}
`

// TestMetersOfFloodsAreNeverReplicated lets the canary exceed a limit of the active. It is blocked there, and not on
// the standby, which judges by what it sees itself.
func TestMetersOfFloodsAreNeverReplicated(t *testing.T) {
	e := newExcluded(t, guarded)
	for _, router := range []*testbed.Namespace{e.Primary, e.Secondary} {
		router.Firewall(t, meters)
	}
	attempt := func() {
		t.Helper()
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(canary)}, Timeout: 50 * time.Millisecond}
		err := e.Client.Do(func() error {
			if _, err := dialer.Dial("tcp", testbed.ServerAddress+":7"); err == nil {
				t.Error("the server was reached")
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	passed := func(router *testbed.Namespace) string { return router.Run(t, "nft list counter inet flood passed") }
	meter := func(router *testbed.Namespace) string { return router.Run(t, "nft list set inet flood seen") }
	for range 10 {
		attempt()
	}
	if !strings.Contains(meter(e.Primary), canary) || !strings.Contains(passed(e.Primary), "packets 5 ") {
		t.Fatalf("the active does not block the canary:\n%s\n%s", meter(e.Primary), passed(e.Primary))
	}
	e.wantNotSent()
	if text := meter(e.Secondary); strings.Contains(text, canary) {
		t.Errorf("the standby has the meter of the active:\n%s", text)
	}
	e.Failover()
	attempt()
	if text := passed(e.Secondary); !strings.Contains(text, "packets 1 ") {
		t.Errorf("the new active blocks the canary: %s", text)
	}
}

// proxied answers SYNs for the server, and connects to it only when the client has answered.
const proxied = `
table ip6 proxy {
	chain arrival {
		type filter hook prerouting priority raw;
		iifname "lan0" tcp dport 8080 tcp flags & (syn | ack) == syn notrack
	}
	chain forward {
		type filter hook forward priority -10;
		iifname "lan0" tcp dport 8080 ct state invalid,untracked synproxy mss 1440 wscale 7 timestamp sack-perm
	}
}
`

// TestConnectionThroughASYNProxySurvives shows that only the protection is not replicated: an established connection
// that it let through goes on.
func TestConnectionThroughASYNProxySurvives(t *testing.T) {
	e := newExcluded(t, everything)
	for _, router := range []*testbed.Namespace{e.Primary, e.Secondary} {
		router.Firewall(t, proxied)
	}
	address := net.JoinHostPort(testbed.ServerAddressIPv6, "8080")
	e.Server.ServeTCP(t, address, func(conn net.Conn) {
		for buffer := make([]byte, 64); ; {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			if _, err := conn.Write(buffer[:n]); err != nil {
				return
			}
		}
	})
	dialer := net.Dialer{Timeout: testbed.Timeout}
	conn := testbed.Open(t, e.Client, func() (net.Conn, error) { return dialer.Dial("tcp", address) })
	exchange := func(text string) {
		t.Helper()
		_ = conn.SetDeadline(time.Now().Add(testbed.Timeout))
		answer := make([]byte, len(text))
		if _, err := conn.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(answer); err != nil || string(answer) != text {
			t.Fatalf("the answer to %q is %q, %v", text, answer, err)
		}
	}
	exchange("before")
	e.Active.Flush()
	if text := e.Secondary.Run(t, "conntrack -L -f ipv6 -p tcp --dport 8080"); !strings.Contains(text, "ESTABLISHED") {
		t.Errorf("the standby does not have the connection:\n%s", text)
	}
	e.Failover()
	exchange("after")
}

// TestWANClientsAreNeverReplicated opens the connections of a PPTP and an L2TP client from a virtual address, to a
// server with the address of the canary. They are on the active alone. The same connections of the client behind the
// pair are on both units.
func TestWANClientsAreNeverReplicated(t *testing.T) {
	e := newExcluded(t, everything)
	kinds := map[string]func(conntrack.Flow) bool{
		"PPTP": func(f conntrack.Flow) bool { return f.Orig.Protocol == conntrack.ProtocolTCP && f.Orig.DstPort == 1723 },
		"L2TP": func(f conntrack.Flow) bool { return f.Orig.Protocol == conntrack.ProtocolUDP && f.Orig.DstPort == 1701 },
		"GRE":  func(f conntrack.Flow) bool { return f.Orig.Protocol == conntrack.ProtocolGRE },
	}
	e.Primary.Run(t, "ip route replace "+canary+"/32 dev lan0 src "+testbed.VirtualLAN.Addr().String())
	serveWANClients(t, e.Client, canary)
	serveWANClients(t, e.Server, testbed.ServerAddress)
	openWANClient(t, e.Primary, testbed.VirtualLAN.Addr(), netip.MustParseAddr(canary))
	openWANClient(t, e.Client, netip.MustParseAddr(testbed.ClientAddress), netip.MustParseAddr(testbed.ServerAddress))
	for kind, isKind := range kinds {
		testbed.Eventually(t, "the active has the unit's connection of "+kind, func() bool {
			return e.active.count(isKind) > 0
		})
	}
	e.wantExcluded()
	client := netip.MustParseAddr(testbed.ClientAddress)
	for kind, isKind := range kinds {
		testbed.Eventually(t, "the standby has the client's connection of "+kind, func() bool {
			return e.standby.countOf(client, isKind) > 0
		})
	}
}

// serveWANClients accepts the control connections of PPTP and L2TP at an address.
func serveWANClients(t *testing.T, host *testbed.Namespace, address string) {
	t.Helper()
	host.ServeTCP(t, address+":1723", func(conn net.Conn) { _, _ = conn.Read(make([]byte, 1)) })
	host.ListenUDP(t, address+":1701")
}

// openWANClient opens the connections of a PPTP and an L2TP client, and sends a packet of GRE.
func openWANClient(t *testing.T, host *testbed.Namespace, from, to netip.Addr) {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: from.AsSlice()}, Timeout: testbed.Timeout}
	testbed.Open(t, host, func() (net.Conn, error) { return dialer.Dial("tcp", netip.AddrPortFrom(to, 1723).String()) })
	datagrams := host.DialUDP(t, netip.AddrPortFrom(from, 1701).String(), netip.AddrPortFrom(to, 1701).String())
	if _, err := datagrams.Write([]byte("SCCRQ")); err != nil {
		t.Fatal(err)
	}
	packets := testbed.Open(t, host, func() (*net.IPConn, error) {
		return net.DialIP("ip4:gre", &net.IPAddr{IP: from.AsSlice()}, &net.IPAddr{IP: to.AsSlice()})
	})
	enhanced := []byte{0x20, 0x01, 0x88, 0x0b, 0, 0, 0, 7} // with the key of call 7 (RFC 2637, section 4.1)
	if _, err := packets.Write(enhanced); err != nil {
		t.Fatal(err)
	}
}
