package message_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/hapair-io/hapair/internal/firewall/dhcp/message"
)

var (
	host   = message.MAC{2, 0, 0x5e, 0x10, 0, 0x77}
	server = netip.MustParseAddr("192.168.50.1")
	leased = netip.MustParseAddr("192.168.50.100")
)

// packet returns a request as a host sends it.
func packet(t testing.TB, change func(*dhcpv4.DHCPv4)) []byte {
	t.Helper()
	m, err := dhcpv4.New()
	if err != nil {
		t.Fatal(err)
	}
	m.ClientHWAddr = host[:]
	m.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeRequest))
	m.UpdateOption(dhcpv4.OptRequestedIPAddress(leased.AsSlice()))
	m.UpdateOption(dhcpv4.OptServerIdentifier(server.AsSlice()))
	m.UpdateOption(dhcpv4.OptHostName("Printer-2.example.com"))
	if change != nil {
		change(m)
	}
	payload := m.ToBytes()
	p := make([]byte, 28, 28+len(payload))
	p = append(p, payload...)
	p[0], p[9] = 0x45, 17
	p[2], p[3] = byte(len(p)>>8), byte(len(p))
	copy(p[16:], []byte{255, 255, 255, 255})
	p[21], p[23] = 68, 67
	p[24], p[25] = byte((len(p)-20)>>8), byte(len(p)-20)
	return p
}

func TestParse(t *testing.T) {
	r, err := message.Parse(packet(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	if r.Type != message.AddressRequest || r.MAC != host || r.Requested != leased || r.Server != server ||
		r.Hostname != "printer-2" || r.Current.IsValid() || r.Relay.IsValid() {
		t.Errorf("got %+v", r)
	}
}

func TestParseRefuses(t *testing.T) {
	valid := packet(t, nil)
	changed := func(at int, value byte) []byte {
		p := slices.Clone(valid)
		p[at] = value
		return p
	}
	for name, p := range map[string][]byte{
		"nothing":           nil,
		"a cut packet":      valid[:len(valid)-1],
		"IPv6":              changed(0, 0x65),
		"TCP":               changed(9, 6),
		"a fragment":        changed(7, 1),
		"another port":      changed(23, 53),
		"a long datagram":   changed(24, 0xff),
		"an answer":         changed(28, 2),
		"no Ethernet":       changed(29, 6),
		"a group's MAC":     changed(28+28, 1),
		"no magic number":   changed(28+236, 0),
		"no type":           packet(t, func(m *dhcpv4.DHCPv4) { m.Options.Del(dhcpv4.OptionDHCPMessageType) }),
		"no MAC at all":     packet(t, func(m *dhcpv4.DHCPv4) { m.ClientHWAddr = make([]byte, 6) }),
		"more than allowed": append(slices.Clone(valid), make([]byte, message.MaxPacket)...),
	} {
		if r, err := message.Parse(p); err == nil {
			t.Errorf("%s is accepted: %+v", name, r)
		}
	}
}

// A name that is no label of a DNS name is not stored.
func TestHostnames(t *testing.T) {
	for name, want := range map[string]string{
		"laptop": "laptop", "Laptop.": "laptop", "lap top": "", "-a": "", "a-": "", "a\x00": "a", "ünî": "",
	} {
		r, err := message.Parse(packet(t, func(m *dhcpv4.DHCPv4) { m.UpdateOption(dhcpv4.OptHostName(name)) }))
		if err != nil || r.Hostname != want {
			t.Errorf("%q: got %q, %v, want %q", name, r.Hostname, err, want)
		}
	}
}

// decoded returns the message of a packet that was encoded.
func decoded(t *testing.T, p message.Packet) *dhcpv4.DHCPv4 {
	t.Helper()
	m, err := dhcpv4.FromBytes(p.Data[28:])
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Answers go where RFC 2131, section 4.1, sends them.
func TestReplyFindsItsHost(t *testing.T) {
	relay, station := netip.MustParseAddr("192.168.60.1"), message.MAC{}
	for name, c := range map[string]struct {
		reply message.Reply
		to    string
		port  byte
		mac   message.MAC
	}{
		"a host without an address": {message.Reply{Type: message.ACK, Address: leased}, "192.168.50.100", 68, host},
		"a host that needs a broadcast": {
			message.Reply{Type: message.Offer, Address: leased, To: message.Request{IsBroadcast: true}},
			"255.255.255.255", 68, message.Everyone,
		},
		"a renewal": {
			message.Reply{Type: message.ACK, Address: leased, To: message.Request{Current: leased}},
			"192.168.50.100", 68, station,
		},
		"a refusal": {
			message.Reply{Type: message.NAK, To: message.Request{Current: leased}},
			"255.255.255.255", 68, message.Everyone,
		},
		"a refusal behind a router": {
			message.Reply{Type: message.NAK, To: message.Request{Current: leased}, IsRouted: true},
			"192.168.50.100", 68, station,
		},
		"a relay": {
			message.Reply{Type: message.NAK, To: message.Request{Relay: relay, Current: leased}}, "192.168.60.1", 67, station,
		},
	} {
		c.reply.To.MAC, c.reply.Server = host, server
		p := c.reply.Encode()
		to := netip.AddrFrom4([4]byte(p.Data[16:20])).String()
		if to != c.to || p.Data[23] != c.port || p.MAC != c.mac {
			t.Errorf("%s: the answer goes to %s:%d, %x", name, to, p.Data[23], p.MAC)
		}
	}
}

// The host gets what it asks for while it has room, and always what it needs. Its relay gets back what it added.
func TestReplyOptions(t *testing.T) {
	long := message.Option{Code: 114, Value: make([]byte, 250)}
	reply := message.Reply{
		Type: message.ACK, Server: server, Address: leased, Lease: time.Hour,
		Required: []message.Option{{Code: 1, Value: []byte{255, 255, 255, 0}}},
		Options:  []message.Option{{Code: 3, Value: []byte{192, 168, 50, 1}}, long, {Code: 121, Value: make([]byte, 200)}},
	}
	codes := func(r message.Request) (codes []int) {
		r.MAC, reply.To = host, r
		for code := range decoded(t, reply.Encode()).Options {
			if code != 53 && code != 54 && code != 51 && code != 58 && code != 59 && code != 1 {
				codes = append(codes, int(code))
			}
		}
		slices.Sort(codes)
		return codes
	}
	for name, c := range map[string]struct {
		request message.Request
		want    []int
	}{
		"all, as there is no list":   {message.Request{MaxSize: 1400}, []int{3, 114, 121}},
		"those of the list":          {message.Request{MaxSize: 1400, Parameters: []byte{3, 3, 6}}, []int{3}},
		"those for which is room":    {message.Request{Parameters: []byte{114, 121, 3}}, []int{3, 114}},
		"the most wanted first":      {message.Request{Parameters: []byte{121, 114, 3}}, []int{3, 121}},
		"what the relay agent added": {message.Request{Parameters: []byte{6}, AgentInformation: []byte{1, 1, 7}}, []int{82}},
		"the client identifier":      {message.Request{Parameters: []byte{6}, ID: "ab"}, []int{61}},
	} {
		if got := codes(c.request); !slices.Equal(got, c.want) {
			t.Errorf("%s: got options %v, want %v", name, got, c.want)
		}
	}
	if p := reply.Encode(); len(p.Data) > 576 {
		t.Errorf("the packet has %d bytes", len(p.Data))
	}
}

// Adding up a header with its checksum gives all ones.
func TestChecksums(t *testing.T) {
	for length := range 3 {
		p := message.Reply{
			Type: message.ACK, Server: server, Address: leased, Lease: time.Hour, To: message.Request{MAC: host},
			Required: []message.Option{{Code: 15, Value: make([]byte, 100+length)}},
		}.Encode().Data
		pseudo := append(slices.Clone(p[12:20]), 0, 17, p[24], p[25])
		if got := add(p[:20]); got != 0xffff {
			t.Errorf("the header adds up to %#x", got)
		}
		if got := add(append(pseudo, p[20:]...)); got != 0xffff {
			t.Errorf("the datagram adds up to %#x", got)
		}
	}
}

func add(b []byte) (sum uint32) {
	for i, v := range b {
		sum += uint32(v) << (8 * (1 - i%2))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return sum
}

func FuzzParse(f *testing.F) {
	f.Add(packet(f, nil))
	f.Add(packet(f, func(m *dhcpv4.DHCPv4) {
		m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionRelayAgentInformation, make([]byte, 255)))
		m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionClientIdentifier, make([]byte, 255)))
		m.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionParameterRequestList, make([]byte, 600)))
	}))
	f.Fuzz(func(t *testing.T, p []byte) {
		r, err := message.Parse(p)
		if err != nil {
			return
		}
		if len(r.ID) > 255 || len(r.AgentInformation) > 255 || len(r.Parameters) > 255 || len(r.Hostname) > 63 {
			t.Errorf("unbounded: %+v", r)
		}
		answer := message.Reply{Type: message.ACK, To: r, Server: server, Address: leased, Lease: time.Hour}.Encode()
		if len(answer.Data) > 1500 {
			t.Errorf("an answer of %d bytes", len(answer.Data))
		}
	})
}
