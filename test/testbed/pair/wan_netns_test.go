//go:build netns

package pair_test

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// twoLinks distributes the LAN's connections 3:1 over two WANs.
const twoLinks = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan0]}
  - {name: fibre, interfaces: [wan0]}
  - {name: cable, interfaces: [wan1]}
  policies:
  - {name: out, from: [lan], to: [fibre, cable], action: Accept}
  sourceNAT:
  - {name: by-fibre, to: fibre, address: 203.0.113.1}
  - {name: by-cable, to: cable, address: 198.51.100.1}
  wan:
    distribution: PerConnection
    links:
    - name: fibre
      interface: wan0
      gateways: [203.0.113.9, "2001:db8:113::9"]
      weight: 3
      monitors: [{host: 192.0.2.9}]
      failureThreshold: 30
    - name: cable
      interface: wan1
      gateways: [198.51.100.9, "2001:db8:51::9"]
      monitors: [{host: 192.0.2.9}]
      intervalMilliseconds: 200
      timeoutMilliseconds: 190
      failureThreshold: 5
`

// fibre and cable are what the servers of the two WANs answer.
const (
	fibre = 'f'
	cable = 'c'
)

// linked is a pair with two links.
type linked struct {
	*pair.Pair
	t *testing.T
}

func newLinked(t *testing.T, options pair.Options) linked {
	t.Helper()
	options.Providers, options.Gate, options.SecondWAN = true, true, true
	if options.Document == "" {
		options.Document = twoLinks
	}
	l := linked{pair.New(t, options), t}
	l.awaitLink(l.Active, true)
	l.awaitLink(l.Standby, true)
	for name, server := range map[byte]*testbed.Namespace{fibre: l.Server, cable: l.OtherServer} {
		go tell(server.ListenUDP(t, testbed.InternetAddress+":9000"), name)
		go tell(server.ListenUDP(t, "["+testbed.InternetAddressIPv6+"]:9000"), name)
	}
	return l
}

// tell answers all datagrams with a name, until the socket is closed.
func tell(socket *net.UDPConn, name byte) {
	datagram := make([]byte, 16)
	for {
		_, from, err := socket.ReadFromUDPAddrPort(datagram)
		if err != nil {
			return
		}
		_, _ = socket.WriteToUDPAddrPort([]byte{name}, from)
	}
}

// flows are connections of the client to the Internet.
type flows []*net.UDPConn

// open begins flows. An empty source is any address of the client.
func (l linked) open(count int, source string) flows {
	l.t.Helper()
	return l.openTo(testbed.InternetAddress+":9000", count, source)
}

func (l linked) openTo(target string, count int, source string) (all flows) {
	l.t.Helper()
	for range count {
		all = append(all, l.Client.DialUDP(l.t, source, target))
	}
	return all
}

// ask returns the link of each flow. It sends again what was lost.
func (l linked) ask(all flows) []byte {
	l.t.Helper()
	links := make([]byte, len(all))
	// A socket of the servers holds a few hundred datagrams.
	for chunk := 0; chunk < len(all); chunk += 100 {
		l.askFew(all[chunk:min(chunk+100, len(all))], links[chunk:])
	}
	return links
}

func (l linked) askFew(all flows, links []byte) {
	l.t.Helper()
	answer := make([]byte, 16)
	testbed.Eventually(l.t, "all flows are answered", func() bool {
		for i, flow := range all {
			if links[i] == 0 {
				_, _ = flow.Write([]byte("?")) // It may be refused while a link is dead.
			}
		}
		missing := 0
		deadline := time.Now().Add(time.Second)
		for i, flow := range all {
			if links[i] != 0 {
				continue
			}
			_ = flow.SetReadDeadline(deadline)
			if n, err := flow.Read(answer); err == nil && n == 1 {
				links[i] = answer[0]
			} else {
				missing++
			}
		}
		return missing == 0
	})
}

// expectShare fails unless the fibre has about three quarters of flows: within two percent of all.
func (l linked) expectShare(links []byte) {
	l.t.Helper()
	got, all := countOf(links, fibre), len(links)
	l.t.Logf("%d of %d flows by the fibre", got, all)
	if got < all*73/100 || got > all*77/100 {
		l.t.Errorf("%d of %d flows by the fibre, want three quarters", got, all)
	}
}

func countOf(links []byte, of byte) (n int) {
	for _, link := range links {
		if link == of {
			n++
		}
	}
	return n
}

// marks returns the marks of the connections to the Internet in the kernel of a router, by the client's port.
func (l linked) marks(router *testbed.Namespace) map[uint16]uint32 {
	l.t.Helper()
	all := map[uint16]uint32{}
	err := router.Do(func() error {
		return conntrack.Dump(l.t.Context(), func(f conntrack.Flow) error {
			if f.Orig.Dst == netip.MustParseAddr(testbed.InternetAddress) && f.Orig.DstPort == 9000 {
				all[f.Orig.SrcPort] = f.Mark
			}
			return nil
		})
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return all
}

// awaitLink waits until a unit reports that the cable is up, or that it is not.
func (l linked) awaitLink(u *pair.Unit, isUp bool) {
	l.t.Helper()
	testbed.Eventually(l.t, fmt.Sprintf("%s has the cable up: %t", u.Name, isUp), func() bool {
		return slices.ContainsFunc(u.FirewallStatus().Links, func(s contract.LinkStatus) bool {
			return s.Name == "cable" && s.IsUp == isUp
		})
	})
}

// cutCable makes the Internet unreachable by the cable. The link itself and its gateway stay.
func (l linked) cutCable() {
	l.t.Helper()
	l.OtherServer.Link(l.t, "lo").WithoutAddress(testbed.InternetAddress + "/32")
}

func (l linked) repairCable() {
	l.t.Helper()
	l.OtherServer.Link(l.t, "lo").Address(testbed.InternetAddress + "/32")
}

// TestFlowsKeepTheirLinks distributes flows 3:1. None of them moves while the units take turns. Their marks are equal
// on both units. Those of IPv6 are not translated.
func TestFlowsKeepTheirLinks(t *testing.T) {
	l := newLinked(t, pair.Options{})
	all := l.open(times(1000, 10000), "")
	before := l.ask(all)
	l.expectShare(before)
	opened := len(all)
	six := l.openTo("["+testbed.InternetAddressIPv6+"]:9000", 100, "")
	l.expectShare(l.ask(six))
	all = append(all, six...)
	before = l.ask(all)
	marks := l.marks(l.Active.Router())
	if len(marks) != opened {
		t.Fatalf("%d of %d flows have marks", len(marks), opened)
	}
	expectSame := func(when string) {
		t.Helper()
		moved := differences(before, l.ask(all))
		t.Logf("%s, %d of %d flows use another link", when, moved, len(all))
		if moved > 0 {
			t.Errorf("%s, flows moved", when)
		}
		if changed := unequal(marks, l.marks(l.Active.Router())); changed > 0 {
			t.Errorf("%s, %d of %d marks are others", when, changed, len(marks))
		}
	}
	expectSame("at once")
	l.Active.Flush()
	l.Failover()
	expectSame("after a loss of power")
	l.expectShare(l.ask(l.open(200, "")))
	l.Return()
	expectSame("after the return of the first unit")
	l.Switchover()
	expectSame("after a switchover back to it")
}

func differences(a, b []byte) (n int) {
	for i := range a {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}

func unequal(a, b map[uint16]uint32) (n int) {
	for key, value := range a {
		if b[key] != value {
			n++
		}
	}
	return n
}

// TestDeadLinkGetsNoFlows cuts a link off from the Internet. Its flows continue by the other link, and the new active
// unit never uses the dead one. When the link returns, it gets new flows only.
func TestDeadLinkGetsNoFlows(t *testing.T) {
	l := newLinked(t, pair.Options{})
	all := l.open(100, "")
	before := l.ask(all)
	if n := countOf(before, cable); n == 0 || n == len(all) {
		t.Fatalf("%d of %d flows by the cable", n, len(all))
	}
	marks := l.marks(l.Active.Router())
	l.cutCable()
	l.awaitLink(l.Active, false)
	l.awaitLink(l.Standby, false)
	if n := countOf(l.ask(all), fibre); n != len(all) {
		t.Errorf("%d of %d flows by the fibre, while the cable is dead", n, len(all))
	}
	for line, want := range map[string]string{
		"ip route get 192.0.2.77 mark 0x40000000":                "via 203.0.113.9 dev wan0",
		"ip route get 192.0.2.77 from 198.51.100.1":              "via 198.51.100.9 dev wan1",
		"ip route show table 7780 default proto 179 metric 1011": "via 198.51.100.9 dev wan1",
	} {
		if got := l.Active.Router().Run(t, line); !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
	now := l.marks(l.Active.Router())
	for i, flow := range all {
		port := netip.MustParseAddrPort(flow.LocalAddr().String()).Port()
		if kept := marks[port] == now[port]; kept != (before[i] == fibre) {
			t.Errorf("flow %d of link %c kept its mark: %t", i, before[i], kept)
		}
	}
	l.OtherServer.Firewall(t, `table inet seen { chain arrived {
		type filter hook prerouting priority 0; udp dport 9000 counter; }; }`)
	l.Active.Flush()
	l.Failover()
	if n := countOf(l.ask(append(l.open(100, ""), all...)), fibre); n != 200 {
		t.Errorf("%d of 200 flows by the fibre after a failover, while the cable is dead", n)
	}
	if rules := l.OtherServer.Run(t, "nft list table inet seen"); !strings.Contains(rules, "counter packets 0 ") {
		t.Errorf("The new active unit sent flows by the dead link:\n%s", rules)
	}
	l.repairCable()
	l.awaitLink(l.Active, true)
	if n := countOf(l.ask(all), fibre); n != len(all) {
		t.Errorf("%d of %d flows stayed at the fibre when the cable returned", n, len(all))
	}
	l.expectShare(l.ask(l.open(100, "")))
}

// TestWithoutVerdictsADeadLinkIsUsed is the control: without the class, the standby takes the dead link for one that is
// up.
func TestWithoutVerdictsADeadLinkIsUsed(t *testing.T) {
	l := newLinked(t, pair.Options{WithoutProvided: true})
	l.cutCable()
	l.awaitLink(l.Active, false)
	l.Active.Flush()
	l.awaitLink(l.Standby, true)
}

// TestSourcesKeepTheirLinks distributes hosts. All flows of a host have one link, and those that it begins at the other
// unit too. What the active unit itself sends takes the link of its address.
func TestSourcesKeepTheirLinks(t *testing.T) {
	l := newLinked(t, pair.Options{Document: strings.Replace(twoLinks, "PerConnection", "PerSource", 1)})
	const hosts = 24
	links := map[string]byte{}
	ask := func() {
		t.Helper()
		for i := range hosts {
			source := fmt.Sprintf("192.168.50.%d", 100+i)
			got := l.ask(l.open(3, source+":0"))
			if known := links[source]; got[0] != got[1] || got[1] != got[2] || known != 0 && known != got[0] {
				t.Errorf("host %s, earlier by %q, has flows by %q", source, known, got)
			}
			links[source] = got[0]
		}
	}
	for source, link := range map[string]byte{"203.0.113.1": fibre, "198.51.100.1": cable} {
		flow := flows{l.Active.Router().DialUDP(t, source+":0", testbed.InternetAddress+":9000")}
		if got := l.ask(flow); got[0] != link {
			t.Errorf("from %s by %c, want %c", source, got[0], link)
		}
	}
	for i := range hosts {
		l.Client.Link(t, "lan0").Address(fmt.Sprintf("192.168.50.%d/24", 100+i))
	}
	ask()
	if n := countOf(slices.Collect(maps.Values(links)), cable); n == 0 || n > hosts/2 {
		t.Errorf("%d of %d hosts by the cable", n, hosts)
	}
	l.Active.Flush()
	l.Failover()
	ask()
}

// documented returns the example of the documentation for the networks of the test.
func documented(t *testing.T) string {
	t.Helper()
	return strings.NewReplacer(
		"interfaces: [lan]", "interfaces: [lan0]", "[wan]", "[wan0]", "[cable]", "[wan1]",
		"interface: wan\n", "interface: wan0\n", "interface: cable\n", "interface: wan1\n",
		"203.0.113.254", testbed.ServerAddress,
		"198.51.100.254", testbed.OtherServerAddress, "192.0.2.1\n", testbed.InternetAddress+"\n",
		"192.0.2.129\n", testbed.InternetAddress+"\n",
	).Replace(testbed.Examples(t, "../../../docs/wan.md")[0])
}

// TestLinksAreRestored applies the example of the documentation. Then another program removes all rules. The firewall
// puts the shares of the links back too.
func TestLinksAreRestored(t *testing.T) {
	l := newLinked(t, pair.Options{Document: documented(t)})
	l.expectShare(l.ask(l.open(100, "")))
	router := l.Active.Router()
	elements := func() string { text, _ := router.Try("nft list map inet hapair links.ipv4"); return text }
	want := elements()
	if strings.Count(want, " : ") < 256 {
		t.Fatalf("the map is not full:\n%s", want)
	}
	router.Run(t, "nft delete table inet hapair")
	testbed.Eventually(t, "the map is full again", func() bool { return elements() == want })
}
