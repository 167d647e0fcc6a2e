package message

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
)

// Type is the type of a message.
type Type = dhcpv4.MessageType

// The types of messages that a server receives and sends.
const (
	Discover       Type = dhcpv4.MessageTypeDiscover
	Offer          Type = dhcpv4.MessageTypeOffer
	AddressRequest Type = dhcpv4.MessageTypeRequest
	Decline        Type = dhcpv4.MessageTypeDecline
	ACK            Type = dhcpv4.MessageTypeAck
	NAK            Type = dhcpv4.MessageTypeNak
	Release        Type = dhcpv4.MessageTypeRelease
	Inform         Type = dhcpv4.MessageTypeInform
)

// MAC is an Ethernet address.
type MAC = [6]byte

// Request is a message of a host. Addresses that it does not have are the zero netip.Addr.
type Request struct {
	Type Type
	// Source and Destination are those of the packet.
	Source, Destination netip.Addr
	Transaction         [4]byte
	MAC                 MAC
	// ID is the client identifier; empty without one. The host is then known by its MAC.
	ID string
	// Current is the address that the host has, Requested the one that it asks for, and Server the server that it chose.
	Current, Requested, Server netip.Addr
	// Relay is the relay agent that passed the message, and AgentInformation what it added (RFC 3046).
	Relay            netip.Addr
	AgentInformation []byte
	// Hostname is the name of the host; empty if it gives none that can be one.
	Hostname string
	// IsBroadcast is set if the host receives no unicast before it has its address.
	IsBroadcast bool
	// Parameters are the codes of the options that the host asks for, in order of preference.
	Parameters []byte
	// MaxSize is the largest message that the host accepts; zero if it does not tell.
	MaxSize uint16
}

const (
	etherLength = 6
	maxHostname = 63
)

var errRequest = errors.New("not a request of an Ethernet host")

// Parse parses an IPv4 packet.
func Parse(packet []byte) (Request, error) {
	source, destination, payload, err := payloadOf(packet)
	if err != nil {
		return Request{}, err
	}
	m, err := dhcpv4.FromBytes(payload)
	if err != nil {
		return Request{}, fmt.Errorf("parsing a DHCP message: %w", err)
	}
	if m.OpCode != dhcpv4.OpcodeBootRequest || m.HWType != iana.HWTypeEthernet || len(m.ClientHWAddr) != etherLength {
		return Request{}, errRequest
	}
	r := Request{
		Type: m.MessageType(), Source: source, Destination: destination, Transaction: m.TransactionID,
		MAC: MAC(m.ClientHWAddr), IsBroadcast: m.IsBroadcast(),
		Current: addressOf(m.ClientIPAddr), Relay: addressOf(m.GatewayIPAddr),
		Requested: addressOf(m.Options.Get(dhcpv4.OptionRequestedIPAddress)),
		Server:    addressOf(m.Options.Get(dhcpv4.OptionServerIdentifier)),
		Hostname:  hostnameOf(m.Options.Get(dhcpv4.OptionHostName)),
	}
	if id := m.Options.Get(dhcpv4.OptionClientIdentifier); len(id) >= 2 && len(id) <= 255 {
		r.ID = string(id)
	}
	r.AgentInformation = m.Options.Get(dhcpv4.OptionRelayAgentInformation)
	if len(r.AgentInformation) > 255 {
		return Request{}, errRequest
	}
	r.Parameters = m.Options.Get(dhcpv4.OptionParameterRequestList)
	if len(r.Parameters) > 255 {
		r.Parameters = r.Parameters[:255]
	}
	if size := m.Options.Get(dhcpv4.OptionMaximumDHCPMessageSize); len(size) == 2 {
		r.MaxSize = uint16(size[0])<<8 | uint16(size[1])
	}
	if r.Type == 0 || r.MAC == (MAC{}) || r.MAC[0]&1 != 0 {
		return Request{}, errRequest
	}
	return r, nil
}

// addressOf returns an address of a message; the zero value if it is unspecified or has another length.
func addressOf(b net.IP) netip.Addr {
	if len(b) != net.IPv4len {
		return netip.Addr{}
	}
	if a := netip.AddrFrom4([4]byte(b)); !a.IsUnspecified() {
		return a
	}
	return netip.Addr{}
}

// hostnameOf returns a host's name as a single label in lower case, without what a label cannot have.
func hostnameOf(name []byte) string {
	text, _, _ := strings.Cut(strings.ToLower(strings.Trim(string(name), "\x00")), ".")
	if len(text) > maxHostname || strings.HasPrefix(text, "-") || strings.HasSuffix(text, "-") {
		return ""
	}
	for _, c := range text {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return ""
		}
	}
	return text
}
