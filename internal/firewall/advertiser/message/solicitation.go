package message

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/net/bpf"

	"github.com/hapair-io/hapair/internal/checksum"
)

// MaxFrame bounds the frame of a solicitation. A longer one is cut by the socket, and then refused.
const MaxFrame = 512

const (
	solicitation       = 133
	solicitationHeader = 8
	sourceLinkLayer    = 1
	// optionUnit is the unit of the length of an option.
	optionUnit = 8
)

var errSolicitation = errors.New("no valid router solicitation")

// CheckSolicitation returns an error unless a frame is a valid router solicitation (RFC 4861, section 6.1.1). A frame
// with extension headers is refused, since no host sends one.
func CheckSolicitation(frame []byte) error {
	if len(frame) < ethernetHeader+ipv6Header+solicitationHeader || len(frame) > MaxFrame ||
		binary.BigEndian.Uint16(frame[12:]) != etherTypeIPv6 {
		return errSolicitation
	}
	packet := frame[ethernetHeader:]
	length := int(binary.BigEndian.Uint16(packet[4:]))
	if packet[0]>>4 != 6 || packet[6] != nextICMPv6 || packet[7] != neighbourHops ||
		length < solicitationHeader || ipv6Header+length > len(packet) {
		return errSolicitation
	}
	source, destination := netip.AddrFrom16([16]byte(packet[8:24])), netip.AddrFrom16([16]byte(packet[24:40]))
	body := packet[ipv6Header : ipv6Header+length]
	if body[0] != solicitation || body[1] != 0 || source.IsMulticast() ||
		checksum.OfTransport(source, destination, nextICMPv6, body) != 0 {
		return errSolicitation
	}
	for options := body[solicitationHeader:]; len(options) > 0; {
		if len(options) < optionUnit || options[1] == 0 || int(options[1])*optionUnit > len(options) ||
			options[0] == sourceLinkLayer && source.IsUnspecified() {
			return errSolicitation
		}
		options = options[int(options[1])*optionUnit:]
	}
	return nil
}

// Filter returns a program for a packet socket that receives all protocols. It passes incoming frames of router
// solicitations, untagged or with the priority tag (VLAN 0). The kernel runs it on every frame, so it drops ordinary
// traffic first.
func Filter() []bpf.Instruction {
	const (
		outgoing = 4 // PACKET_OUTGOING of include/uapi/linux/if_packet.h
		vlan     = 0xfff
		atType   = 12
		atNext   = ethernetHeader + 6
		atICMPv6 = ethernetHeader + ipv6Header
	)
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: atType, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: etherTypeIPv6, SkipTrue: 12},
		bpf.LoadAbsolute{Off: atNext, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: nextICMPv6, SkipTrue: 10},
		bpf.LoadAbsolute{Off: atICMPv6, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: solicitation, SkipTrue: 8},
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: outgoing, SkipTrue: 6},
		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 3},
		bpf.LoadExtension{Num: bpf.ExtVLANTag},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: vlan},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 1},
		bpf.RetConstant{Val: MaxFrame + 1},
		bpf.RetConstant{},
	}
}
