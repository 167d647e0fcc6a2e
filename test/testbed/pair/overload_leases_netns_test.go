//go:build netns

package pair_test

import (
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/pair"
)

// campus gives addresses to the many hosts of a network behind a relay agent.
const campus = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan0]}
  - {name: wan, interfaces: [wan0]}
  dhcp:
    networks:
    - interface: lan0
      subnet: 10.60.0.0/16
      address: 192.168.50.1
      relays: [10.60.0.1]
      ranges: [10.60.64.0-10.60.127.255]
      options: {routers: [10.60.0.1], dnsServers: [192.0.2.53], domain: example.com}
`

const (
	// relayAgent is the address of the relay agent, which the test plays.
	relayAgent = "10.60.0.1"
	// repeatAfter is how long a host waits for an answer. Hosts wait longer, but the test should not.
	repeatAfter = time.Second
	// maxRepeats bounds how often all hosts without an answer repeat their requests.
	maxRepeats = 60
)

// campusHosts are hosts behind a relay agent.
type campusHosts struct {
	t      *testing.T
	socket *net.UDPConn
	server *net.UDPAddr
	// addresses are those that the hosts have.
	addresses []netip.Addr
	answers   chan *dhcpv4.DHCPv4
	// exchanges counts them. It is in the transaction IDs, so a late answer to an earlier message is not counted.
	exchanges uint32
}

func newCampusHosts(t *testing.T, bed *pair.Pair, count int) *campusHosts {
	t.Helper()
	bed.Client.Link(t, "lan0").Address(relayAgent + "/16")
	h := &campusHosts{
		t: t, socket: bed.Client.ListenUDP(t, relayAgent+":67"), addresses: make([]netip.Addr, count),
		server:  &net.UDPAddr{IP: testbed.VirtualLAN.Addr().AsSlice(), Port: 67},
		answers: make(chan *dhcpv4.DHCPv4, 2*count),
	}
	testbed.Background(t, h.receive)
	return h
}

// receive receives answers until the context ends.
func (h *campusHosts) receive(ctx context.Context) {
	context.AfterFunc(ctx, func() { _ = h.socket.SetReadDeadline(time.Now()) })
	buffer := make([]byte, 1500)
	for ctx.Err() == nil {
		n, err := h.socket.Read(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		if answer, err := dhcpv4.FromBytes(buffer[:n]); err == nil {
			select {
			case h.answers <- answer:
			default: // It is lost, as in a network.
			}
		}
	}
}

// request returns a message of a host that has passed the relay agent.
func (h *campusHosts) request(host int, kind dhcpv4.MessageType, more ...dhcpv4.Modifier) []byte {
	h.t.Helper()
	var id dhcpv4.TransactionID
	binary.BigEndian.PutUint32(id[:], h.exchanges<<24|uint32(host))
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{
		dhcpv4.WithMessageType(kind), dhcpv4.WithTransactionID(id),
		dhcpv4.WithHwAddr(net.HardwareAddr{2, 0, 0x5e, 0x60, byte(host >> 8), byte(host)}),
		dhcpv4.WithGatewayIP(net.ParseIP(relayAgent)),
	}, more...)...)
	if err != nil {
		h.t.Fatal(err)
	}
	return m.ToBytes()
}

// exchange sends the message of each host at once, and again what is not answered in time. It calls take with each
// answer, and returns how many messages it sent.
func (h *campusHosts) exchange(
	kind, want dhcpv4.MessageType, of func(host int) []dhcpv4.Modifier, take func(host int, a netip.Addr),
) (sent int) {
	h.t.Helper()
	h.exchanges++
	waiting := map[int]bool{}
	for host := range h.addresses {
		waiting[host] = true
	}
	for range maxRepeats {
		for host := range waiting {
			if _, err := h.socket.WriteTo(h.request(host, kind, of(host)...), h.server); err != nil {
				h.t.Fatal(err)
			}
			sent++
		}
		h.collect(waiting, want, take)
		if len(waiting) == 0 {
			return sent
		}
	}
	h.t.Fatalf("%d of %d hosts got no answer", len(waiting), len(h.addresses))
	return sent
}

// collect takes the answers to hosts that wait, until all have one or none has arrived for a time.
func (h *campusHosts) collect(waiting map[int]bool, want dhcpv4.MessageType, take func(host int, a netip.Addr)) {
	h.t.Helper()
	for len(waiting) > 0 {
		select {
		case answer := <-h.answers:
			id := binary.BigEndian.Uint32(answer.TransactionID[:])
			host := int(id & (1<<24 - 1))
			if id>>24 != h.exchanges || !waiting[host] {
				continue // It answers a message that was repeated.
			}
			if got := answer.MessageType(); got != want {
				h.t.Fatalf("host %d is answered by %s, want %s", host, got, want)
			}
			delete(waiting, host)
			a, _ := netip.AddrFromSlice(answer.YourIPAddr.To4())
			take(host, a)
		case <-time.After(repeatAfter):
			return
		}
	}
}

// join makes all hosts ask for addresses. No two get the same.
func (h *campusHosts) join() (sent int) {
	h.t.Helper()
	sent = h.exchange(dhcpv4.MessageTypeDiscover, dhcpv4.MessageTypeOffer,
		func(int) []dhcpv4.Modifier { return nil }, func(host int, a netip.Addr) { h.addresses[host] = a })
	owners := map[netip.Addr]int{}
	sent += h.exchange(dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeAck, func(host int) []dhcpv4.Modifier {
		return []dhcpv4.Modifier{
			dhcpv4.WithOption(dhcpv4.OptServerIdentifier(h.server.IP)),
			dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(h.addresses[host].AsSlice())),
		}
	}, func(host int, a netip.Addr) {
		if other, taken := owners[a]; taken || a != h.addresses[host] {
			h.t.Errorf("host %d was offered %s and gets %s, which host %d has: %t", host, h.addresses[host], a, other, taken)
		}
		owners[a] = host
	})
	return sent
}

// renew makes all hosts renew their leases at once. All keep their addresses.
func (h *campusHosts) renew() (sent int) {
	h.t.Helper()
	moved := 0
	sent = h.exchange(dhcpv4.MessageTypeRequest, dhcpv4.MessageTypeAck, func(host int) []dhcpv4.Modifier {
		return []dhcpv4.Modifier{dhcpv4.WithClientIP(h.addresses[host].AsSlice())}
	}, func(host int, a netip.Addr) {
		if a != h.addresses[host] {
			moved++
		}
	})
	if moved > 0 {
		h.t.Errorf("%d of %d hosts have another address", moved, len(h.addresses))
	}
	return sent
}

// TestOverloadOfLeases gives addresses to many hosts, and makes all of them renew at once: at the active unit, at the
// new one after a loss of power, and at the first one after its return. It prints what that costs.
func TestOverloadOfLeases(t *testing.T) {
	testbed.OnlyInOverload(t)
	const count = 10_000
	bed := pair.New(t, pair.Options{Providers: true, Gate: true, Document: campus})
	hosts := newCampusHosts(t, bed, count)
	measure := func(what string, do func() (sent int)) {
		t.Helper()
		units := slices.DeleteFunc([]*pair.Unit{bed.Active, bed.Standby}, func(u *pair.Unit) bool { return u == nil })
		before := processorTimes(units)
		begun := time.Now()
		sent := do()
		t.Logf("%d hosts %s with %d requests in %s; processor time: %s", count, what, sent,
			time.Since(begun).Round(time.Millisecond), costs(before, processorTimes(units)))
		wantMemory(t, units...)
	}
	awaitLeases := func(when string) {
		t.Helper()
		testbed.Eventually(t, "the active unit has all leases "+when, func() bool {
			return bed.Active.FirewallStatus().DHCP.Leases == count
		})
	}
	measure("got addresses", hosts.join)
	measure("renewed at once", hosts.renew)
	bed.Active.Flush()
	bed.Failover()
	awaitLeases("after a loss of power")
	measure("renewed at the new active unit", hosts.renew)
	bed.Return()
	bed.Switchover()
	awaitLeases("after the way back")
	measure("renewed after the way back", hosts.renew)
}

// costs describes what programs have used of a processor meanwhile.
func costs(before, after map[string]time.Duration) string {
	var texts []string
	for _, program := range slices.Sorted(maps.Keys(after)) {
		texts = append(texts, program+" "+(after[program]-before[program]).Round(time.Millisecond).String())
	}
	return strings.Join(texts, ", ")
}
