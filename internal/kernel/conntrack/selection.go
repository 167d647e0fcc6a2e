package conntrack

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/socketfilter"
)

// Selection chooses the entries whose events a listener receives. The zero value selects all. The kernel drops other
// events before it queues them, so that they neither wake the listener nor fill its receive buffer.
type Selection struct {
	// Protocols are IP protocol numbers. If empty, all protocols are selected.
	Protocols []uint8
	// Excluded are networks whose connections are dropped. It applies to both ends, before and after translation. Only
	// the first 64 networks take effect, because the kernel bounds the length of a filter program.
	Excluded []netip.Prefix
	// Expectations also selects the expectations of the entries' helpers, see EventExpectation. The rest of the selection
	// applies to the entry and to the expected connection.
	Expectations bool
}

// maxExcluded is the number of IPv6 networks that fit into a program of BPF_MAXINSNS (4096) instructions.
const maxExcluded = 64

// attach makes the kernel drop the events that are not selected. Call it before the socket joins a group.
func (s Selection) attach(socket *socket) error {
	if len(s.Protocols) == 0 && len(s.Excluded) == 0 {
		return nil // even a program that accepts everything would cost time for each event
	}
	err := socket.set(func(fd int) error { return socketfilter.AttachProgram(fd, s.program()) })
	if err != nil {
		return fmt.Errorf("attaching the selection of conntrack events: %w", err)
	}
	return nil
}

var (
	reject = bpf.RetConstant{Val: 0}
	accept = bpf.RetConstant{Val: 1<<32 - 1}
)

// program returns the selection as a socket filter (Documentation/networking/filter.rst of the kernel). The filter sees
// one message. It accepts a message that it cannot parse, so that the decoder reports the error.
func (s Selection) program() []bpf.Instruction {
	var p []bpf.Instruction
	if len(s.Protocols) > 0 {
		p = append(p, find(ctaTupleOrig, ctaTupleProto, ctaProtoNum)...)
		p = append(p, s.protocols()...)
	}
	for _, tuple := range []uint32{ctaTupleOrig, ctaTupleReply} {
		if len(s.Excluded) == 0 {
			break
		}
		p = append(p, find(tuple, ctaTupleIP)...)
		p = append(p, bpf.StoreScratch{Src: bpf.RegA})
		p = append(p, s.rejectExcluded(ctaIPv4Src, true)...)
		p = append(p, s.rejectExcluded(ctaIPv4Dst, true)...)
		p = append(p, s.rejectExcluded(ctaIPv6Src, false)...)
		p = append(p, s.rejectExcluded(ctaIPv6Dst, false)...)
	}
	return append(p, accept)
}

// protocols continues if the protocol is selected and rejects otherwise. Register A holds the offset of the attribute
// with the protocol number.
func (s Selection) protocols() []bpf.Instruction {
	p := []bpf.Instruction{bpf.TAX{}, bpf.LoadIndirect{Off: unix.SizeofNlAttr, Size: 1}}
	for i, number := range s.Protocols {
		rest := uint32(len(s.Protocols) - i - 1)
		p = append(p,
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(number), SkipTrue: 1},
			bpf.Jump{Skip: 2*rest + 1})
	}
	return append(p, reject)
}

// rejectExcluded rejects a message if the attribute holds an address of an excluded network. The scratch register holds
// the offset of the tuple's addresses.
func (s Selection) rejectExcluded(attribute uint32, ipv4 bool) []bpf.Instruction {
	var networks []bpf.Instruction
	for _, n := range s.Excluded[:min(len(s.Excluded), maxExcluded)] {
		if n.Addr().Is4() == ipv4 {
			networks = append(networks, rejectNetwork(n.Masked())...)
		}
	}
	if len(networks) == 0 {
		return nil
	}
	return append([]bpf.Instruction{
		bpf.LoadScratch{Dst: bpf.RegA},
		bpf.LoadConstant{Dst: bpf.RegX, Val: attribute},
		bpf.LoadExtension{Num: bpf.ExtNetlinkAttrNested},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 1},
		bpf.Jump{Skip: uint32(len(networks)) + 1}, // of the other family
		bpf.TAX{},
	}, networks...)
}

// rejectNetwork rejects a message if the attribute at offset X holds an address of the network.
func rejectNetwork(network netip.Prefix) []bpf.Instruction {
	address := network.Addr().AsSlice()
	var p []bpf.Instruction
	for at := 0; at*8 < network.Bits(); at += 4 {
		p = append(p, bpf.LoadIndirect{Off: unix.SizeofNlAttr + uint32(at), Size: 4})
		if bits := network.Bits() - at*8; bits < 32 {
			p = append(p, bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: ^uint32(0) << (32 - bits)})
		}
		p = append(p, bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: binary.BigEndian.Uint32(address[at:])})
	}
	for i := range p {
		if j, ok := p[i].(bpf.JumpIf); ok {
			j.SkipTrue = uint8(len(p) - i) // to the instruction after the verdict
			p[i] = j
		}
	}
	return append(p, reject)
}

// find stores in register A the offset of a nested attribute, which it finds by a path that starts at the message. It
// accepts a message without that attribute.
func find(path ...uint32) []bpf.Instruction {
	p := []bpf.Instruction{bpf.LoadConstant{Dst: bpf.RegA, Val: headers}}
	within := bpf.ExtNetlinkAttr
	for _, attribute := range path {
		p = append(p,
			bpf.LoadConstant{Dst: bpf.RegX, Val: attribute},
			bpf.LoadExtension{Num: within},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 1},
			accept)
		within = bpf.ExtNetlinkAttrNested
	}
	return p
}
