package pool_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/hapair-io/hapair/internal/firewall/dhcp/message"
	"github.com/hapair-io/hapair/internal/firewall/dhcp/pool"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

const (
	server   = "192.168.50.1"
	reserved = "192.168.50.12"
	// settled is longer than an ARP probe.
	settled = time.Second
)

var printer = mac(0x77)

func mac(last byte) message.MAC { return message.MAC{2, 0, 0x5e, 0, 0, last} }

func block(text string) document.Block {
	b, err := document.ParseBlock(text)
	if err != nil {
		panic(err)
	}
	return b
}

// networks returns a network with three addresses, one of them reserved, and a network behind a relay.
func networks() []document.DHCPNetwork {
	return []document.DHCPNetwork{{
		Interface: "lan", Subnet: netip.MustParsePrefix("192.168.50.0/24"), Address: netip.MustParseAddr(server),
		Ranges: []document.Block{block("192.168.50.10-192.168.50.12")},
		Reservations: []document.DHCPReservation{
			{MAC: "02:00:5e:00:00:77", Address: netip.MustParseAddr(reserved), Hostname: "printer"},
		},
		LeaseSeconds: 600,
		Options: document.DHCPOptions{
			DNSServers: []netip.Addr{netip.MustParseAddr("192.0.2.53")}, Domain: "example.com", MTU: 1400,
			CaptivePortal: "https://portal.example.com",
			ClasslessRoutes: []document.DHCPRoute{
				{To: netip.MustParsePrefix("10.20.0.0/16"), Via: netip.MustParseAddr("192.168.50.254")},
			},
		},
	}, {
		Interface: "lan", Subnet: netip.MustParsePrefix("192.168.60.0/24"), Address: netip.MustParseAddr(server),
		Ranges: []document.Block{block("192.168.60.10-192.168.60.19")},
		Relays: []netip.Addr{netip.MustParseAddr("192.168.60.1")},
	}}
}

// bed is a unit, its clock and what it has published.
type bed struct {
	*testing.T
	machine   *pool.Machine
	now       time.Duration
	published map[string]pool.Entry
	probed    []netip.Addr
}

func newBed(t *testing.T) *bed {
	b := &bed{T: t, machine: pool.New(networks()), published: map[string]pool.Entry{}}
	b.machine.Become(true)
	return b
}

// answer is what a host is told.
type answer struct {
	kind    message.Type
	address string
	options dhcpv4.Options
	to      message.MAC
}

func (a answer) String() string { return strings.TrimSpace(fmt.Sprintf("%s %s", a.kind, a.address)) }

// do carries out effects, and returns the last answer among them.
func (b *bed) do(effects []pool.Effect) (last answer) {
	b.Helper()
	for _, effect := range effects {
		switch e := effect.(type) {
		case pool.Publish:
			b.published[e.Entry.Key] = e.Entry
		case pool.Retract:
			delete(b.published, e.Key)
		case pool.Probe:
			b.probed = append(b.probed, e.Address)
		case pool.Acknowledge:
			b.published[e.Entry.Key] = e.Entry
			last = b.decode(e.Send)
		case pool.Send:
			last = b.decode(e)
		}
	}
	return last
}

func (b *bed) decode(s pool.Send) answer {
	b.Helper()
	m, err := dhcpv4.FromBytes(s.Packet.Data[28:])
	if err != nil {
		b.Fatal(err)
	}
	a := answer{kind: m.MessageType(), options: m.Options, to: s.Packet.MAC}
	if !m.YourIPAddr.IsUnspecified() {
		a.address = m.YourIPAddr.String()
	}
	return a
}

// send sends a request of a host, and returns the answer, without and after the wait for an ARP probe.
func (b *bed) send(host message.MAC, change func(*message.Request)) answer {
	b.Helper()
	r := message.Request{MAC: host, Destination: netip.MustParseAddr("255.255.255.255")}
	change(&r)
	got := b.do(b.machine.Receive(b.now, pool.Arrival{Interface: "lan", From: host}, r))
	if got.kind != 0 {
		return got
	}
	return b.pass(settled)
}

// pass lets time pass.
func (b *bed) pass(d time.Duration) answer {
	b.Helper()
	b.now += d
	return b.do(b.machine.Advance(b.now))
}

func discover(r *message.Request) { r.Type = message.Discover }

// choose asks for an offered address.
func choose(address string) func(*message.Request) {
	return func(r *message.Request) {
		r.Type, r.Requested, r.Server = message.AddressRequest, netip.MustParseAddr(address), netip.MustParseAddr(server)
	}
}

// renew asks for the address that the host has.
func renew(address string) func(*message.Request) {
	return func(r *message.Request) {
		r.Type, r.Current, r.Destination = message.AddressRequest, netip.MustParseAddr(address), netip.MustParseAddr(server)
	}
}

// join lets a host get an address, and returns it.
func (b *bed) join(host message.MAC) string {
	b.Helper()
	offer := b.send(host, discover)
	if offer.kind != message.Offer {
		return ""
	}
	if got := b.send(host, choose(offer.address)); got.kind != message.ACK || got.address != offer.address {
		b.Fatalf("got %s after an offer of %s", got, offer.address)
	}
	return offer.address
}

func (b *bed) expect(got answer, want string) {
	b.Helper()
	if got.String() != want && (want != "" || got.kind != 0) {
		b.Errorf("got %s, want %s", got, want)
	}
}

// A host is offered an address that nobody claims, gets it, renews it, and gets the same one when it is back.
func TestLeaseOfAHost(t *testing.T) {
	b := newBed(t)
	address := b.join(mac(1))
	if len(b.probed) != 1 || b.probed[0].String() != address {
		t.Errorf("%v was probed before %s was offered", b.probed, address)
	}
	e, ok := b.published["lease/"+address]
	if !ok || e.Life != 600*time.Second || string(e.Value) != `{"mac":"02:00:5e:00:00:01"}` {
		t.Errorf("the other unit has %+v", b.published)
	}
	b.pass(300 * time.Second)
	renewed := b.send(mac(1), renew(address))
	b.expect(renewed, "ACK "+address)
	if got := renewed.options.Get(dhcpv4.OptionIPAddressLeaseTime); string(got) != "\x00\x00\x02\x58" {
		t.Errorf("the lease lasts %v seconds", got)
	}
	if got := b.published["lease/"+address].Life; got != 600*time.Second {
		t.Errorf("after the renewal, the other unit has a life of %s", got)
	}
	b.expect(b.send(mac(1), discover), "OFFER "+address)
	if len(b.probed) != 1 {
		t.Errorf("the host's own address was probed")
	}
}

// A host that does not renew loses its address, here and at the other unit.
func TestLeaseEnds(t *testing.T) {
	b := newBed(t)
	address := b.join(mac(1))
	b.pass(700 * time.Second)
	if len(b.published) != 0 || b.machine.Counts().Leases != 0 {
		t.Errorf("%s is still used: %v", address, b.published)
	}
}

func TestRelease(t *testing.T) {
	b := newBed(t)
	address := b.join(mac(1))
	release := func(r *message.Request) { r.Type, r.Current = message.Release, netip.MustParseAddr(address) }
	b.send(mac(2), release)
	if len(b.published) != 1 {
		t.Fatal("a host has released the address of another one")
	}
	b.send(mac(1), release)
	if len(b.published) != 0 {
		t.Errorf("the other unit still has %v", b.published)
	}
}

// Two hosts share two addresses. A third one gets none until one of them ends, and the reserved one never.
func TestPoolIsExhausted(t *testing.T) {
	b := newBed(t)
	first, second := b.join(mac(1)), b.join(mac(2))
	if first == second || first == reserved || second == reserved {
		t.Fatalf("the hosts have %s and %s", first, second)
	}
	b.expect(b.send(mac(3), discover), "")
	b.expect(b.send(mac(3), choose(first)), "NAK")
	b.expect(b.send(mac(3), choose(reserved)), "NAK")
	counts := b.machine.Counts()
	if counts.Exhausted != 1 || counts.Refused != 2 || counts.Leases != 2 || counts.Addresses != 13 {
		t.Errorf("counted %+v", counts)
	}
	b.pass(500 * time.Second)
	b.expect(b.send(mac(2), renew(second)), "ACK "+second)
	b.pass(101 * time.Second)
	if got := b.join(mac(3)); got != first {
		t.Errorf("the third host gets %q, want %s", got, first)
	}
}

func TestReservation(t *testing.T) {
	b := newBed(t)
	if got := b.join(printer); got != reserved {
		t.Errorf("the printer gets %s", got)
	}
	got := b.send(printer, renew(reserved))
	if name := string(got.options.Get(dhcpv4.OptionHostName)); name != "printer" {
		t.Errorf("the printer is told the name %q", name)
	}
	b.expect(b.send(printer, renew("192.168.50.10")), "NAK") // It had an address before it was reserved.
	b.expect(b.send(mac(1), choose(reserved)), "NAK")
}

// An address that somebody has is not given, and the next one is tried.
func TestClaimedAddressIsNotGiven(t *testing.T) {
	b := newBed(t)
	r := message.Request{Type: message.Discover, MAC: mac(1), Destination: netip.MustParseAddr("255.255.255.255")}
	b.do(b.machine.Receive(b.now, pool.Arrival{Interface: "lan"}, r))
	b.do(b.machine.Claimed(b.now, "wan", b.probed[0], mac(9)))
	b.do(b.machine.Claimed(b.now, "lan", b.probed[0], mac(1))) // The host itself still has it.
	if len(b.probed) != 1 {
		t.Fatal("an address was given up that nobody else has")
	}
	b.do(b.machine.Claimed(b.now, "lan", b.probed[0], mac(9)))
	if len(b.probed) != 2 || b.probed[0] == b.probed[1] {
		t.Fatalf("%v were probed", b.probed)
	}
	b.expect(b.pass(settled), "OFFER "+b.probed[1].String())
	if e := b.published["lease/"+b.probed[0].String()]; string(e.Value) != "{}" || e.Life <= 0 {
		t.Errorf("the other unit does not know of the claim: %v", b.published)
	}
	if got := b.machine.Counts().Conflicts; got != 1 {
		t.Errorf("counted %d conflicts", got)
	}
}

func TestDecline(t *testing.T) {
	b := newBed(t)
	address := b.join(mac(1))
	decline := func(r *message.Request) {
		r.Type, r.Requested, r.Server = message.Decline, netip.MustParseAddr(address), netip.MustParseAddr(server)
	}
	b.send(mac(2), decline)
	b.expect(b.send(mac(1), renew(address)), "ACK "+address) // A stranger cannot decline it.
	b.send(mac(1), decline)
	if next := b.join(mac(1)); next == address || next == "" {
		t.Errorf("after a decline, the host gets %q", next)
	}
	b.expect(b.send(mac(2), choose(address)), "NAK")
	b.pass(11 * time.Minute)
	b.expect(b.send(mac(2), choose(address)), "ACK "+address)
}

// A host that chose another server leaves its offer to others.
func TestOtherServerIsChosen(t *testing.T) {
	b := newBed(t)
	b.join(mac(1))
	offer := b.send(mac(2), discover)
	b.send(mac(2), func(r *message.Request) {
		choose(offer.address)(r)
		r.Server = netip.MustParseAddr("192.168.50.2")
	})
	if got := b.join(mac(3)); got != offer.address {
		t.Errorf("another host gets %q", got)
	}
}

// A host that was off asks for its address. An unknown one is probed first, and one of another network refused.
func TestReboot(t *testing.T) {
	reboot := func(address string) func(*message.Request) {
		return func(r *message.Request) { r.Type, r.Requested = message.AddressRequest, netip.MustParseAddr(address) }
	}
	b := newBed(t)
	address := b.join(mac(1))
	b.expect(b.send(mac(1), reboot(address)), "ACK "+address)
	b.expect(b.send(mac(2), reboot("10.0.0.7")), "NAK")
	b.expect(b.send(mac(2), reboot(address)), "NAK")
	b.probed = nil
	other := "192.168.50.10"
	if address == other {
		other = "192.168.50.11"
	}
	b.expect(b.send(mac(2), reboot(other)), "ACK "+other)
	if len(b.probed) != 1 {
		t.Errorf("%v were probed", b.probed)
	}
}

func TestInform(t *testing.T) {
	got := newBed(t).send(mac(1), func(r *message.Request) {
		r.Type, r.Current = message.Inform, netip.MustParseAddr("192.168.50.200")
	})
	if got.kind != message.ACK || got.address != "" || got.options.Has(dhcpv4.OptionIPAddressLeaseTime) {
		t.Errorf("got %s with %s", got, got.options)
	}
	if domain := string(got.options.Get(dhcpv4.OptionDomainName)); domain != "example.com" {
		t.Errorf("the host learns the domain %q", domain)
	}
}

// The host learns all options of its network. A host that reads classless routes finds the default route among them.
func TestOptions(t *testing.T) {
	b := newBed(t)
	got := b.send(mac(1), choose("192.168.50.10")).options
	for code, want := range map[dhcpv4.OptionCode]string{
		dhcpv4.OptionSubnetMask:       "\xff\xff\xff\x00",
		dhcpv4.OptionRouter:           "\xc0\xa8\x32\x01",
		dhcpv4.OptionDomainNameServer: "\xc0\x00\x02\x35",
		dhcpv4.OptionInterfaceMTU:     "\x05\x78",
		dhcpv4.OptionBroadcastAddress: "\xc0\xa8\x32\xff",
		dhcpv4.OptionURL:              "https://portal.example.com",
		dhcpv4.OptionClasslessStaticRoute: "\x10\x0a\x14\xc0\xa8\x32\xfe" +
			"\x00\xc0\xa8\x32\x01",
		dhcpv4.OptionRenewTimeValue:     "\x00\x00\x01\x2c",
		dhcpv4.OptionRebindingTimeValue: "\x00\x00\x02\x0d",
		dhcpv4.OptionServerIdentifier:   "\xc0\xa8\x32\x01",
	} {
		if value := string(got.Get(code)); value != want {
			t.Errorf("option %s is %q, want %q", code, value, want)
		}
	}
}

// A relay that the document names gets the answer, with what it added. Its host renews without it.
func TestRelay(t *testing.T) {
	relay := message.MAC{2, 0, 0, 0, 0, 0xee}
	relayed := func(from string, kind message.Type) message.Request {
		return message.Request{
			Type: kind, MAC: mac(1), Destination: netip.MustParseAddr(server), Relay: netip.MustParseAddr(from),
			AgentInformation: []byte{1, 2, 'p', '7'},
		}
	}
	b := newBed(t)
	at := pool.Arrival{Interface: "lan", From: relay}
	if got := b.do(b.machine.Receive(b.now, at, relayed("192.168.60.2", message.Discover))); got.kind != 0 {
		t.Errorf("an unknown relay gets %s", got)
	}
	wrong := pool.Arrival{Interface: "wan", From: relay}
	if got := b.do(b.machine.Receive(b.now, wrong, relayed("192.168.60.1", message.Discover))); got.kind != 0 {
		t.Errorf("a relay at another interface gets %s", got)
	}
	got := b.do(b.machine.Receive(b.now, at, relayed("192.168.60.1", message.Discover)))
	information := string(got.options.Get(dhcpv4.OptionRelayAgentInformation))
	if got.kind != message.Offer || got.to != relay || information != "\x01\x02p7" {
		t.Fatalf("the relay gets %s at %x with %q", got, got.to, information)
	}
	if got.options.Has(dhcpv4.OptionRouter) {
		t.Error("the host is told a router that is not on its link")
	}
	ask := relayed("192.168.60.1", message.AddressRequest)
	ask.Requested, ask.Server = netip.MustParseAddr(got.address), netip.MustParseAddr(server)
	b.expect(b.do(b.machine.Receive(b.now, at, ask)), "ACK "+got.address)
	b.expect(b.send(mac(1), renew(got.address)), "ACK "+got.address)
}

// A machine that is not active stays silent.
func TestStandbyIsSilent(t *testing.T) {
	b := newBed(t)
	b.machine.Become(false)
	b.expect(b.send(mac(1), discover), "")
	b.expect(b.send(mac(1), choose("192.168.50.10")), "")
}

// Requests to other servers, which the unit only forwards, are not answered.
func TestOthersAreNotAnswered(t *testing.T) {
	b := newBed(t)
	b.expect(b.send(mac(1), func(r *message.Request) {
		renew("192.168.50.10")(r)
		r.Destination = netip.MustParseAddr("203.0.113.9")
	}), "")
	if len(b.published) != 0 {
		t.Errorf("%v is used", b.published)
	}
}
