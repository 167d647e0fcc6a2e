package frame

import (
	"encoding/binary"
	"net/netip"
)

// Offsets of fields in a frame. A VLAN tag is not in it: the kernel keeps it apart.
const (
	atEtherType = 12
	atPayload   = 14

	atARPSenderMAC = atPayload + 8
	atARPSender    = atPayload + 14
	arpEnd         = atPayload + 28

	atNextHeader = atPayload + 6
	atHopLimit   = atPayload + 7
	atIPv6Source = atPayload + 8
	atICMPv6     = atPayload + 40
	// Neighbour solicitations and advertisements have their target and options in the same places.
	atNeighborTarget  = atICMPv6 + 8
	atNeighborOptions = atICMPv6 + 24
)

// Claim is what a frame claims: which station has an address.
type Claim struct {
	Address netip.Addr
	MAC     MAC
}

// ParseClaim parses a frame by which a station claims an address. An ARP packet claims its sender's address, whether it
// asks or answers (RFC 5227, section 2.4). A neighbour advertisement claims its target (RFC 4862, section 5.4.4). A
// neighbour solicitation claims its source, since neighbours store its MAC address (RFC 4861, section 7.2.3).
func ParseClaim(f []byte) (Claim, bool) {
	if len(f) < atPayload {
		return Claim{}, false
	}
	switch binary.BigEndian.Uint16(f[atEtherType:]) {
	case etherTypeARP:
		return arpClaim(f)
	case etherTypeIPv6:
		return neighborClaim(f)
	default:
		return Claim{}, false
	}
}

func arpClaim(f []byte) (Claim, bool) {
	if len(f) < arpEnd ||
		binary.BigEndian.Uint16(f[atPayload:]) != hardwareEthernet ||
		binary.BigEndian.Uint16(f[atPayload+2:]) != protocolIPv4 || f[atPayload+4] != 6 || f[atPayload+5] != 4 {
		return Claim{}, false
	}
	address := netip.AddrFrom4([4]byte(f[atARPSender:]))
	return Claim{Address: address, MAC: MAC(f[atARPSenderMAC:])}, !address.IsUnspecified() // Not a probe.
}

func neighborClaim(f []byte) (Claim, bool) {
	if len(f) < atNeighborOptions || f[atNextHeader] != nextHeaderICMPv6 || f[atHopLimit] != hopLimit {
		return Claim{}, false
	}
	var at int
	var option byte
	switch f[atICMPv6] {
	case neighborAdvertisement:
		at, option = atNeighborTarget, optionTargetLinkLayer
	case neighborSolicitation:
		at, option = atIPv6Source, optionSourceLinkLayer
	default:
		return Claim{}, false
	}
	claim := Claim{Address: netip.AddrFrom16([16]byte(f[at:])), MAC: MAC(f[6:])}
	for options := f[atNeighborOptions:]; len(options) >= 8; {
		length := int(options[1]) * 8
		if length == 0 || length > len(options) {
			break
		}
		if options[0] == option && length == 8 {
			claim.MAC = MAC(options[2:])
		}
		options = options[length:]
	}
	return claim, !claim.Address.IsUnspecified() // Not a probe.
}
