package frame

import (
	"encoding/binary"
	"net/netip"
)

// MAC is an Ethernet address.
type MAC = [6]byte

var (
	broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	// allNodes is the Ethernet group of ff02::1 (RFC 2464, section 7).
	allNodes = MAC{0x33, 0x33, 0, 0, 0, 1}
)

const (
	etherTypeARP  = 0x0806
	etherTypeIPv6 = 0x86dd
)

// Fields of an ARP packet (RFC 826).
const (
	hardwareEthernet = 1
	protocolIPv4     = 0x0800
)

// Operation is the form of an ARP announcement.
type Operation uint16

const (
	// Request is the ARP Announcement of RFC 5227, section 3, which every host must accept.
	Request Operation = 1
	// Reply is the gratuitous reply of RFC 5944, section 4.6. Some hosts and switches accept it and not the request.
	Reply Operation = 2
)

// GratuitousARP returns a frame that announces the IPv4 address at the MAC to a broadcast domain. Sender and target
// address are both the announced address. The target MAC is the sender's too in a reply, and zero in a request.
func GratuitousARP(op Operation, mac MAC, address netip.Addr) []byte {
	var target MAC
	if op == Reply {
		target = mac
	}
	return arp(op, mac, address, target, address)
}

// arp returns a broadcast ARP packet.
func arp(op Operation, sender MAC, from netip.Addr, target MAC, to netip.Addr) []byte {
	f := ethernet(broadcast, sender, etherTypeARP)
	f = binary.BigEndian.AppendUint16(f, hardwareEthernet)
	f = binary.BigEndian.AppendUint16(f, protocolIPv4)
	f = append(f, 6, 4) // Lengths of their addresses.
	f = binary.BigEndian.AppendUint16(f, uint16(op))
	f = append(append(f, sender[:]...), from.AsSlice()...)
	return append(append(f, target[:]...), to.AsSlice()...)
}

func ethernet(to, from MAC, etherType uint16) []byte {
	f := make([]byte, 0, 96)
	f = append(append(f, to[:]...), from[:]...)
	return binary.BigEndian.AppendUint16(f, etherType)
}
