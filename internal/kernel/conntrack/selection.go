package conntrack

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Selection is what a listener is told of: everything when it is the zero value. The kernel leaves the rest out before
// it queues it, so that what nobody wants to hear of wakes nobody and takes no room from the rest.
type Selection struct {
	// Protocols are IP protocol numbers; all when empty.
	Protocols []uint8
	// Excluded are networks whose connections are left out, whichever end is in them, before or after translation. From
	// the 65th on they are not: a program of the kernel's has bounds.
	Excluded []netip.Prefix
}

// maxExcluded is for how many IPv6 networks a program of BPF_MAXINSNS (4096) instructions has room.
const maxExcluded = 64

// attach makes the kernel leave out what is not selected. It is done before the socket joins a group.
func (s Selection) attach(socket *socket) error {
	if len(s.Protocols) == 0 && len(s.Excluded) == 0 {
		return nil // even a program that takes everything would cost each event something
	}
	instructions, err := bpf.Assemble(s.program())
	if err != nil {
		return fmt.Errorf("assembling the selection of conntrack events: %w", err)
	}
	filters := make([]unix.SockFilter, len(instructions))
	for i, r := range instructions {
		filters[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	program := unix.SockFprog{Len: uint16(len(filters)), Filter: &filters[0]}
	if err := unix.SetsockoptSockFprog(socket.fd(), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &program); err != nil {
		return fmt.Errorf("attaching the selection of conntrack events: %w", err)
	}
	return nil
}

var (
	leaveOut = bpf.RetConstant{Val: 0}
	letIn    = bpf.RetConstant{Val: 1<<32 - 1}
)

// program is the selection as a socket filter, see Documentation/networking/filter.rst of the kernel. It sees one
// message. What it cannot read it lets in, for the decoder to say what is wrong with it.
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
		p = append(p, s.excludedAt(ctaIPv4Src, true)...)
		p = append(p, s.excludedAt(ctaIPv4Dst, true)...)
		p = append(p, s.excludedAt(ctaIPv6Src, false)...)
		p = append(p, s.excludedAt(ctaIPv6Dst, false)...)
	}
	return append(p, letIn)
}

// protocols goes on with those that are selected. The register A is where the attribute of the number begins.
func (s Selection) protocols() []bpf.Instruction {
	p := []bpf.Instruction{bpf.TAX{}, bpf.LoadIndirect{Off: unix.SizeofNlAttr, Size: 1}}
	for i, number := range s.Protocols {
		rest := uint32(len(s.Protocols) - i - 1)
		p = append(p,
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(number), SkipTrue: 1},
			bpf.Jump{Skip: 2*rest + 1})
	}
	return append(p, leaveOut)
}

// excludedAt leaves out what has an address of an excluded network in an attribute. Where the addresses of the tuple
// begin is in the scratch register.
func (s Selection) excludedAt(attribute uint32, ipv4 bool) []bpf.Instruction {
	var networks []bpf.Instruction
	for _, n := range s.Excluded[:min(len(s.Excluded), maxExcluded)] {
		if n.Addr().Is4() == ipv4 {
			networks = append(networks, isIn(n.Masked())...)
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

// isIn leaves out what has an address of the network in the attribute that begins at X.
func isIn(network netip.Prefix) []bpf.Instruction {
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
			j.SkipTrue = uint8(len(p) - i) // to behind the verdict
			p[i] = j
		}
	}
	return append(p, leaveOut)
}

// find makes A where an attribute begins that is in another one, and so on from the message's own on; it lets in what
// does not have it.
func find(path ...uint32) []bpf.Instruction {
	p := []bpf.Instruction{bpf.LoadConstant{Dst: bpf.RegA, Val: headers}}
	within := bpf.ExtNetlinkAttr
	for _, attribute := range path {
		p = append(p,
			bpf.LoadConstant{Dst: bpf.RegX, Val: attribute},
			bpf.LoadExtension{Num: within},
			bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 1},
			letIn)
		within = bpf.ExtNetlinkAttrNested
	}
	return p
}
