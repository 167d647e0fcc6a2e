package message

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
)

// Option is an option of a reply.
type Option struct {
	Code  uint8
	Value []byte
}

// Reply is the answer to a request.
type Reply struct {
	Type Type
	To   Request
	// Address is the one that the host gets; the zero value for none.
	Address netip.Addr
	// Server is the address of the server.
	Server netip.Addr
	// Lease is how long the host may use the address; zero if it gets none.
	Lease time.Duration
	// Required are options that the host gets in any case, and Options those that it gets if it asks for them.
	Required, Options []Option
	// IsRouted is set if the host is behind a router, so that no broadcast reaches it.
	IsRouted bool
}

// Packet is an IPv4 packet, and the station that it is sent to.
type Packet struct {
	// MAC is the station; the zero value for the one that the request came from.
	MAC  MAC
	Data []byte
}

// Everyone is the Ethernet address of all stations.
var Everyone = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

const (
	// defaultSize is the length of a packet that every host accepts (RFC 2131, section 2).
	defaultSize = 576
	// largestSize is what an Ethernet link carries.
	largestSize = 1500
	// fixedPart is the length of a message without its options, and with its magic number.
	fixedPart = 240
	flagOfAll = 0x8000
)

// Encode returns the packet of a reply (RFC 2131, section 4.1).
func (r Reply) Encode() Packet {
	everyone := netip.AddrFrom4([4]byte{255, 255, 255, 255})
	to, port, mac := everyone, uint16(clientPort), Everyone
	switch {
	case r.To.Relay.IsValid():
		to, port, mac = r.To.Relay, serverPort, MAC{}
	case r.To.Current.IsValid() && (r.Type != NAK || r.IsRouted):
		to, mac = r.To.Current, MAC{}
	case r.Type == NAK || r.To.IsBroadcast:
	case r.Address.IsValid():
		to, mac = r.Address, r.To.MAC
	}
	return Packet{MAC: mac, Data: packetOf(r.Server, to, port, r.message().ToBytes())}
}

// message returns the DHCP message. It leaves out the options for which the host has no room, the least wanted first.
func (r Reply) message() *dhcpv4.DHCPv4 {
	m := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootReply, HWType: iana.HWTypeEthernet, TransactionID: r.To.Transaction,
		ClientHWAddr: slices.Clone(r.To.MAC[:]), ClientIPAddr: ipOf(netip.Addr{}), YourIPAddr: ipOf(r.Address),
		ServerIPAddr: ipOf(netip.Addr{}), GatewayIPAddr: ipOf(r.To.Relay), Options: dhcpv4.Options{},
	}
	if r.Type == ACK {
		m.ClientIPAddr = ipOf(r.To.Current)
	}
	if r.To.IsBroadcast || r.Type == NAK && r.To.Relay.IsValid() {
		m.Flags = flagOfAll
	}
	m.Options.Update(dhcpv4.OptMessageType(r.Type))
	m.Options.Update(dhcpv4.OptServerIdentifier(ipOf(r.Server)))
	if r.To.ID != "" { // RFC 6842
		m.Options.Update(dhcpv4.OptGeneric(dhcpv4.OptionClientIdentifier, []byte(r.To.ID)))
	}
	if len(r.To.AgentInformation) > 0 {
		m.Options.Update(dhcpv4.OptGeneric(dhcpv4.OptionRelayAgentInformation, r.To.AgentInformation))
	}
	if r.Type == NAK {
		return m
	}
	if r.Lease > 0 {
		m.Options.Update(dhcpv4.OptIPAddressLeaseTime(r.Lease))
		m.Options.Update(dhcpv4.OptRenewTimeValue(r.Lease / 2))
		m.Options.Update(dhcpv4.OptRebindingTimeValue(r.Lease * 7 / 8))
	}
	for _, o := range r.Required {
		m.Options.Update(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(o.Code), o.Value))
	}
	room := min(max(int(r.To.MaxSize), defaultSize), largestSize) - ipv4Header - udpHeader - fixedPart - 1
	for _, value := range m.Options {
		room -= sizeOf(value)
	}
	for _, o := range r.wanted() {
		if size := sizeOf(o.Value); size <= room {
			m.Options.Update(dhcpv4.OptGeneric(dhcpv4.GenericOptionCode(o.Code), o.Value))
			room -= size
		}
	}
	return m
}

// sizeOf returns how many bytes an option has in a message. A long one has several parts (RFC 3396).
func sizeOf(value []byte) int { return len(value) + 2*max(1, (len(value)+254)/255) }

// wanted returns the options that the host asks for, the most wanted first; all of them if it asks for none.
func (r Reply) wanted() []Option {
	if len(r.To.Parameters) == 0 {
		return r.Options
	}
	var wanted []Option
	for _, code := range r.To.Parameters {
		isAsked := func(o Option) bool { return o.Code == code }
		if slices.ContainsFunc(wanted, isAsked) {
			continue
		}
		if i := slices.IndexFunc(r.Options, isAsked); i >= 0 {
			wanted = append(wanted, r.Options[i])
		}
	}
	return wanted
}

func ipOf(a netip.Addr) net.IP {
	if !a.IsValid() {
		return net.IPv4zero.To4()
	}
	return a.AsSlice()
}
