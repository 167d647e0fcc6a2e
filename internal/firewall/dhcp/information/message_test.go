package information_test

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"

	"github.com/hapair-io/hapair/internal/firewall/dhcp/information"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

var network = document.DHCPv6Network{
	Interface: "lan", Address: netip.MustParseAddr("fe80::1"),
	DNSServers:    []netip.Addr{netip.MustParseAddr("fd50::1"), netip.MustParseAddr("2001:db8::53")},
	SearchDomains: []string{"example.com", "lan.example.com"},
	NTPServers:    []netip.Addr{netip.MustParseAddr("fd50::123")}, RefreshSeconds: 3600,
}

// request returns an IPv6 packet with a message of a host, changed by change.
func request(change func(*dhcpv6.Message)) []byte {
	m := &dhcpv6.Message{
		MessageType: dhcpv6.MessageTypeInformationRequest, TransactionID: dhcpv6.TransactionID{1, 2, 3},
	}
	m.AddOption(dhcpv6.OptClientID(&dhcpv6.DUIDLL{HWType: 1, LinkLayerAddr: net.HardwareAddr{2, 0, 0, 0, 0, 7}}))
	change(m)
	payload := m.ToBytes()
	p := make([]byte, 48, 48+len(payload))
	p[0], p[6], p[7] = 0x60, 17, 1
	binary.BigEndian.PutUint16(p[4:], uint16(8+len(payload)))
	copy(p[8:], netip.MustParseAddr("fe80::7").AsSlice())
	copy(p[24:], netip.MustParseAddr("ff02::1:2").AsSlice())
	binary.BigEndian.PutUint16(p[40:], 546)
	binary.BigEndian.PutUint16(p[42:], 547)
	binary.BigEndian.PutUint16(p[44:], uint16(8+len(payload)))
	return append(p, payload...)
}

// answer returns the answer to a packet, and checks that it reaches the host.
func answer(t *testing.T, packet []byte) *dhcpv6.Message {
	t.Helper()
	r, err := information.Parse(packet)
	if err != nil {
		t.Fatal(err)
	}
	reply, ok := r.Reply(network)
	if !ok {
		t.Fatal("the host is not answered")
	}
	source, destination := netip.AddrFrom16([16]byte(reply[8:24])), netip.AddrFrom16([16]byte(reply[24:40]))
	if source != network.Address || destination != netip.MustParseAddr("fe80::7") {
		t.Errorf("the answer goes from %s to %s", source, destination)
	}
	if got := binary.BigEndian.Uint32(reply[40:]); got != 547<<16|546 {
		t.Errorf("the ports are %x", got)
	}
	if got := checksum(reply); got != 0xffff {
		t.Errorf("the checksum is off by %x", got)
	}
	m, err := dhcpv6.MessageFromBytes(reply[48:])
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// checksum returns the sum over a packet with its checksum, which must be 0xffff.
func checksum(p []byte) uint16 {
	words := append(slices.Clone(p[8:40]), 0, 0, p[4], p[5], 0, 0, 0, 17)
	words = append(words, p[40:]...)
	if len(words)%2 == 1 {
		words = append(words, 0)
	}
	total := uint32(0)
	for ; len(words) > 0; words = words[2:] {
		total += uint32(binary.BigEndian.Uint16(words))
	}
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return uint16(total)
}

// A host learns what it asks for, from a server that it knows again.
func TestReply(t *testing.T) {
	m := answer(t, request(func(m *dhcpv6.Message) {
		m.AddOption(dhcpv6.OptRequestedOption(dhcpv6.OptionDNSRecursiveNameServer, dhcpv6.OptionDomainSearchList,
			dhcpv6.OptionNTPServer, dhcpv6.OptionInformationRefreshTime))
	}))
	if m.MessageType != dhcpv6.MessageTypeReply || m.TransactionID != (dhcpv6.TransactionID{1, 2, 3}) ||
		m.Options.ClientID() == nil || m.Options.ServerID() == nil {
		t.Errorf("the answer is %s", m.Summary())
	}
	servers := m.Options.DNS()
	if len(servers) != 2 || servers[0].String() != "fd50::1" || servers[1].String() != "2001:db8::53" {
		t.Errorf("the DNS servers are %v", servers)
	}
	if domains := m.Options.DomainSearchList(); !slices.Equal(domains.Labels, network.SearchDomains) {
		t.Errorf("the domains are %v", domains)
	}
	if ntp := m.Options.NTPServers(); len(ntp) != 1 || ntp[0].String() != "fd50::123" {
		t.Errorf("the NTP servers are %v", ntp)
	}
	if refresh := m.Options.InformationRefreshTime(0); refresh != time.Hour {
		t.Errorf("the host asks again after %s", refresh)
	}
	if m.GetOneOption(dhcpv6.OptionSNTPServerList) != nil {
		t.Error("the host learns what it did not ask for")
	}
}

// A host that asks for nothing learns all, and one that asks for something else nothing.
func TestRequestedOptions(t *testing.T) {
	if m := answer(t, request(func(*dhcpv6.Message) {})); len(m.Options.SNTP()) != 1 || len(m.Options.DNS()) != 2 {
		t.Errorf("without a list: %s", m.Summary())
	}
	m := answer(t, request(func(m *dhcpv6.Message) {
		m.Options.Del(dhcpv6.OptionClientID)
		m.AddOption(dhcpv6.OptRequestedOption(dhcpv6.OptionBootfileURL))
	}))
	if len(m.Options.Options) != 1 || m.Options.ServerID() == nil {
		t.Errorf("for another option: %s", m.Summary())
	}
}

// Both units are the same server, and questions to another one are left alone.
func TestIdentity(t *testing.T) {
	server := answer(t, request(func(*dhcpv6.Message) {})).Options.ServerID()
	answer(t, request(func(m *dhcpv6.Message) { m.AddOption(dhcpv6.OptServerID(server)) }))
	other := &dhcpv6.DUIDLL{HWType: 1, LinkLayerAddr: net.HardwareAddr{2, 0, 0, 0, 0, 8}}
	r, err := information.Parse(request(func(m *dhcpv6.Message) { m.AddOption(dhcpv6.OptServerID(other)) }))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Reply(network); ok {
		t.Error("a question to another server is answered")
	}
}

func TestOthersAreNotAnswered(t *testing.T) {
	good := func() []byte { return request(func(*dhcpv6.Message) {}) }
	changed := func(change func([]byte)) []byte {
		p := good()
		change(p)
		return p
	}
	for name, packet := range map[string][]byte{
		"nothing":        nil,
		"half a packet":  good()[:47],
		"half a message": good()[:50],
		"IPv4":           changed(func(p []byte) { p[0] = 0x45 }),
		"TCP":            changed(func(p []byte) { p[6] = 6 }),
		"another port":   changed(func(p []byte) { p[43] = 53 }),
		"a far host":     changed(func(p []byte) { p[8] = 0x20 }),
		"unicast":        changed(func(p []byte) { copy(p[24:], network.Address.AsSlice()) }),
		"a longer datagram": changed(func(p []byte) {
			binary.BigEndian.PutUint16(p[44:], 1000)
		}),
		"a solicitation": request(func(m *dhcpv6.Message) { m.MessageType = dhcpv6.MessageTypeSolicit }),
		"a reply":        request(func(m *dhcpv6.Message) { m.MessageType = dhcpv6.MessageTypeReply }),
		"an address":     request(func(m *dhcpv6.Message) { m.AddOption(&dhcpv6.OptIANA{}) }),
	} {
		if r, err := information.Parse(packet); err == nil {
			t.Errorf("%s is parsed as %+v", name, r)
		}
	}
}

// FuzzParse checks that whatever is parsed can be answered.
func FuzzParse(f *testing.F) {
	f.Add(request(func(*dhcpv6.Message) {}))
	f.Add(request(func(m *dhcpv6.Message) { m.AddOption(dhcpv6.OptRequestedOption(dhcpv6.OptionNTPServer)) }))
	f.Fuzz(func(t *testing.T, packet []byte) {
		r, err := information.Parse(packet)
		if err != nil {
			return
		}
		if reply, ok := r.Reply(network); ok && checksum(reply) != 0xffff {
			t.Errorf("the checksum of %x is wrong", reply)
		}
	})
}
