package information

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/rfc1035label"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// Request is a question of a host for servers and domains.
type Request struct {
	from    netip.Addr
	message *dhcpv6.Message
}

var errRequest = errors.New("not an INFORMATION-REQUEST")

// Parse reads an IPv6 packet.
func Parse(packet []byte) (Request, error) {
	from, payload, err := payloadOf(packet)
	if err != nil {
		return Request{}, err
	}
	m, err := dhcpv6.MessageFromBytes(payload)
	if err != nil {
		return Request{}, fmt.Errorf("parsing a DHCPv6 message: %w", err)
	}
	asksForAddress := m.GetOneOption(dhcpv6.OptionIANA) != nil || m.GetOneOption(dhcpv6.OptionIATA) != nil ||
		m.GetOneOption(dhcpv6.OptionIAPD) != nil
	if m.MessageType != dhcpv6.MessageTypeInformationRequest || asksForAddress {
		return Request{}, errRequest // RFC 8415, section 16.12
	}
	return Request{from, m}, nil
}

// Reply returns the packet with the answer of a network. It returns false if the host asks another server.
func (r Request) Reply(n document.DHCPv6Network) ([]byte, bool) {
	server := dhcpv6.OptServerID(identity(n))
	if asked := r.message.GetOneOption(dhcpv6.OptionServerID); asked != nil &&
		string(asked.ToBytes()) != string(server.ToBytes()) {
		return nil, false
	}
	m := &dhcpv6.Message{MessageType: dhcpv6.MessageTypeReply, TransactionID: r.message.TransactionID}
	if client := r.message.GetOneOption(dhcpv6.OptionClientID); client != nil {
		m.AddOption(client)
	}
	m.AddOption(server)
	wanted := r.message.Options.RequestedOptions()
	for _, o := range optionsOf(n) {
		if len(wanted) == 0 || slices.Contains(wanted, o.Code()) {
			m.AddOption(o)
		}
	}
	return packetOf(n.Address, r.from, m.ToBytes()), true
}

// identity returns how hosts know the server of a network: both units have the same.
func identity(n document.DHCPv6Network) dhcpv6.DUID {
	hash := sha256.Sum256(fmt.Appendf(nil, "hapair dhcpv6 %s %s", n.Interface, n.Address))
	return &dhcpv6.DUIDUUID{UUID: [16]byte(hash[:16])}
}

// optionsOf returns what hosts of a network learn.
func optionsOf(n document.DHCPv6Network) (options []dhcpv6.Option) {
	if len(n.DNSServers) > 0 {
		options = append(options, dhcpv6.OptDNS(addressesOf(n.DNSServers)...))
	}
	if len(n.SearchDomains) > 0 {
		options = append(options, dhcpv6.OptDomainSearchList(&rfc1035label.Labels{Labels: n.SearchDomains}))
	}
	if len(n.NTPServers) > 0 {
		var servers dhcpv6.Options
		for _, a := range addressesOf(n.NTPServers) {
			server := dhcpv6.NTPSuboptionSrvAddr(a)
			servers.Add(&server)
		}
		// Older hosts know only the second one (RFC 4075).
		options = append(options, &dhcpv6.OptNTPServer{Suboptions: servers}, dhcpv6.OptSNTP(addressesOf(n.NTPServers)...))
	}
	return append(options, dhcpv6.OptInformationRefreshTime(n.Refresh()))
}

func addressesOf(list []netip.Addr) (all []net.IP) {
	for _, a := range list {
		all = append(all, a.AsSlice())
	}
	return all
}
