package document

import (
	"net"
	"net/netip"
)

// Neighbour is an entry of the neighbour table of an interface: ARP for IPv4, NDP for IPv6.
type Neighbour struct {
	// Interface is an interface of a zone.
	Interface string     `json:"interface"`
	Address   netip.Addr `json:"address"`
	// MAC is the address of the host. A neighbour has either a MAC or Publish.
	MAC MAC `json:"mac,omitempty"`
	// Publish makes the unit answer for the address, with the MAC address of the interface.
	Publish bool `json:"publish,omitempty"`
}

// MAC is an Ethernet address in colon notation.
type MAC string

// isUnicast reports whether a host can have the address.
func (m MAC) isUnicast() bool {
	parsed, err := net.ParseMAC(string(m))
	return err == nil && len(m) == len("02:00:5e:10:00:01") && len(parsed) == 6 && parsed[0]&1 == 0 &&
		[6]byte(parsed) != [6]byte{}
}
