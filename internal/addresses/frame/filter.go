package frame

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"golang.org/x/net/bpf"
)

// MaxClaim is how much of a frame a filter lets through: more than any claim without padding.
const MaxClaim = 256

// packetOutgoing is PACKET_OUTGOING of include/uapi/linux/if_packet.h.
const packetOutgoing = 4

// ClaimFilter returns a program for a packet socket that receives all protocols. It passes incoming frames that claim
// one of the addresses, untagged or with the priority tag (VLAN 0). The kernel runs it on every incoming frame, so it
// drops ordinary traffic first.
func ClaimFilter(addresses []netip.Addr) []bpf.Instruction {
	return append([]bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: packetOutgoing, SkipTrue: 1},
		bpf.RetConstant{},
		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 4},
		bpf.LoadExtension{Num: bpf.ExtVLANTag},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xfff},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0, SkipTrue: 1},
		bpf.RetConstant{},
	}, claimsOf(addresses)...)
}

// claimsOf returns the part of the filter that looks into the frame.
func claimsOf(addresses []netip.Addr) []bpf.Instruction {
	arp := []bpf.Instruction{bpf.LoadAbsolute{Off: atARPSender, Size: 4}}
	var advertisement, solicitation []bpf.Instruction
	for _, a := range addresses {
		if a.Is4() {
			ip := a.As4()
			arp = append(arp,
				bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: binary.BigEndian.Uint32(ip[:]), SkipTrue: 1},
				bpf.RetConstant{Val: MaxClaim})
			continue
		}
		advertisement = append(advertisement, hasAddress(atNeighborTarget, a.As16())...)
		solicitation = append(solicitation, hasAddress(atIPv6Source, a.As16())...)
	}
	arp = append(arp, bpf.RetConstant{})
	advertisement = append(advertisement, bpf.RetConstant{})
	solicitation = append(solicitation, bpf.RetConstant{})

	ipv6 := []bpf.Instruction{
		bpf.LoadAbsolute{Off: atNextHeader, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: nextHeaderICMPv6, SkipTrue: 1},
		bpf.RetConstant{},
		bpf.LoadAbsolute{Off: atICMPv6, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: neighborAdvertisement, SkipTrue: 3},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: neighborSolicitation, SkipTrue: 1},
		bpf.Jump{Skip: uint32(1 + len(advertisement))},
		bpf.RetConstant{},
	}
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: atEtherType, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherTypeARP, SkipTrue: 3},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: etherTypeIPv6, SkipTrue: 1},
		bpf.Jump{Skip: uint32(1 + len(arp))},
		bpf.RetConstant{},
	}
	return slices.Concat(program, arp, ipv6, advertisement, solicitation)
}

// hasAddress passes a frame with the address at the offset, and continues behind its last instruction with any other.
func hasAddress(offset uint32, address [16]byte) []bpf.Instruction {
	var program []bpf.Instruction
	for i := range uint32(4) {
		program = append(program,
			bpf.LoadAbsolute{Off: offset + 4*i, Size: 4},
			bpf.JumpIf{
				Cond: bpf.JumpNotEqual, Val: binary.BigEndian.Uint32(address[4*i:]), SkipTrue: uint8(2*(3-i) + 1),
			})
	}
	return append(program, bpf.RetConstant{Val: MaxClaim})
}
