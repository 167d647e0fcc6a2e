//go:build netns

package firewall_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"github.com/hapair-io/hapair/test/testbed"
)

// transfer sends data over a new connection, towards the server or towards the client, and reports whether it arrived.
func (b *bed) transfer(address string, towardsServer bool) bool {
	b.Helper()
	const size = 256 << 10
	listener := b.server.ListenTCP(b, address)
	defer func() { _ = listener.Close() }()
	client, err := b.dial(b.client, address)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	accepted, err := listener.Accept()
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = accepted.Close() }()
	var from, to net.Conn = accepted, client
	if towardsServer {
		from, to = client, accepted
	}
	for _, conn := range []net.Conn{from, to} {
		if err := conn.SetDeadline(time.Now().Add(3 * time.Second)); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := from.Write(make([]byte, size)); err != nil {
		return false
	}
	_, err = io.ReadFull(to, make([]byte, size))
	return err == nil
}

// narrowWAN gives the WAN an MTU of 1400, of which neither end knows: both drop ICMP errors.
func (b *bed) narrowWAN() {
	b.Helper()
	b.in(b.firewall, "ip", "link", "set", "wan", "mtu", "1400")
	for _, host := range []*testbed.Namespace{b.client, b.server} {
		b.in(host, "nft", "add table inet deaf; add chain inet deaf in { type filter hook input priority filter; };"+
			"add rule inet deaf in icmp type destination-unreachable drop;"+
			"add rule inet deaf in icmpv6 type packet-too-big drop")
		// Hosts probe for the path's MTU themselves otherwise.
		b.in(host, "sysctl", "-qw", "net.ipv4.tcp_mtu_probing=0")
	}
}

// An end that drops ICMP reaches the other side of a narrow link, in both directions and over both families.
func TestSegmentsFitANarrowLink(t *testing.T) {
	b := newBed(t)
	b.reachLAN()
	b.narrowWAN()
	text := head + "  policies: [{name: out, from: [lan], to: [wan], action: Accept}]\n"
	b.apply(text)
	addresses := []string{serverAddress + ":80", "[" + serverAddress6 + "]:80"}
	for _, address := range addresses {
		if !b.transfer(address, true) || !b.transfer(address, false) {
			t.Errorf("%s: the connection hangs", address)
		}
	}
	b.apply(strings.Replace(text, "[wan]}", "[wan], mssClamping: Disabled}", 1))
	for _, address := range addresses {
		if b.transfer(address, true) {
			t.Errorf("%s: the connection works without the limit, so that the test shows nothing", address)
		}
	}
	// The bottleneck is further away than the interface.
	b.in(b.firewall, "ip", "link", "set", "wan", "mtu", "1500")
	b.apply(strings.Replace(text, "[wan]}", "[wan], mtu: 1400}", 1))
	b.in(b.firewall, "ip", "link", "set", "wan", "mtu", "1400")
	for _, address := range addresses {
		if !b.transfer(address, true) || !b.transfer(address, false) {
			t.Errorf("%s: the connection hangs with mtu: 1400", address)
		}
	}
}

// The limit follows an interface whose MTU changes while a document is in force, and one that is made again.
func TestSegmentsFollowTheMTUOfTheInterface(t *testing.T) {
	b := newBed(t)
	b.reachLAN()
	b.apply(head + "  policies: [{name: out, from: [lan], to: [wan], action: Accept}]\n")
	limits := func() string {
		return b.in(b.firewall, "nft", "list", "map", "inet", "hapair", "segments.ipv4") +
			b.in(b.firewall, "nft", "list", "map", "inet", "hapair", "segments.ipv6")
	}
	b.eventually(limits, gomega.And(gomega.ContainSubstring(`"wan" : 1460`), gomega.ContainSubstring(`"wan" : 1440`)))
	b.narrowWAN()
	b.eventually(limits, gomega.And(gomega.ContainSubstring(`"wan" : 1360`), gomega.ContainSubstring(`"wan" : 1340`)))
	for _, address := range []string{serverAddress + ":80", "[" + serverAddress6 + "]:80"} {
		if !b.transfer(address, true) || !b.transfer(address, false) {
			t.Errorf("%s: the connection hangs", address)
		}
	}
	b.in(b.firewall, "ip", "link", "del", "wan")
	b.eventually(limits, gomega.Not(gomega.ContainSubstring(`"wan" : 1360`)))
	b.in(b.firewall, "ip", "link", "add", "wan", "mtu", "1300", "type", "veth", "peer", "name", "far")
	b.eventually(limits, gomega.ContainSubstring(`"wan" : 1260`))
}
