package bpf

import (
	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
)

// verdict is the decision of a program about a packet, from include/uapi/linux/pkt_cls.h.
type verdict int32

const (
	// noOpinion lets the packet continue with other programs on the interface.
	noOpinion verdict = -1 // TC_ACT_UNSPEC, TCX_NEXT
	// accept lets the packet pass without other programs.
	accept verdict = 0 // TC_ACT_OK, TCX_PASS
	// drop drops the packet.
	drop verdict = 2 // TC_ACT_SHOT, TCX_DROP
)

// The stack of the program, as offsets from the frame pointer. Each is a multiple of eight, so that addresses can be
// compared in whole words.
const (
	ethernetAt  = -16 // 14 bytes: destination, source, type
	tagAt       = -24 // 4 bytes: the VLAN tag after its type
	networkAt   = -64 // at most 40 bytes: the header of IPv4, IPv6 or ARP without options
	transportAt = -88 // at most 24 bytes: the part of the next header that matters
)

// Registers that keep their values across calls of the kernel.
const (
	packet   = asm.R6 // the kernel's view of the packet
	position = asm.R7 // the offset of the present header in the frame
	kind     = asm.R8 // the type or protocol of the present header
	mine     = asm.R9 // 1 if the destination is an address of the unit
)

// state holds the maps and memory that the programs read.
type state struct {
	permit                  *ebpf.Map
	own4, own6, virtualMACs *ebpf.Map
	interfaces              int    // the number of interface slots in use
	mark                    uint32 // of packets of the data plane
}

// assembly is a program under construction.
type assembly struct {
	state
	code asm.Instructions
	// onShort is the label for a packet that is too short or contradicts itself.
	onShort string
	labels  []string // the labels of the next instruction
}

func (a *assembly) add(code ...asm.Instruction) {
	for _, i := range code {
		if len(a.labels) > 0 {
			i = i.WithSymbol(a.labels[0])
			a.labels = a.labels[1:]
		}
		a.code = append(a.code, i)
	}
}

// label names the instruction that is added next.
func (a *assembly) label(name string) { a.labels = append(a.labels, name) }

// end returns the instructions of the verdicts.
func (a *assembly) end(pass verdict) asm.Instructions {
	a.label("drop")
	a.add(asm.Mov.Imm(asm.R0, int32(drop)), asm.Return())
	a.label("pass")
	a.add(asm.Mov.Imm(asm.R0, int32(pass)), asm.Return())
	return a.code
}

// load copies a part of the frame to the stack, starting at the position. It drops a frame that is too short. The
// kernel also finds the part in a buffer other than the first.
func (a *assembly) load(to int16, length int32) {
	a.add(
		asm.Mov.Reg(asm.R1, packet),
		asm.Mov.Reg(asm.R2, position),
		asm.Mov.Reg(asm.R3, asm.R10), asm.Add.Imm(asm.R3, int32(to)),
		asm.Mov.Imm(asm.R4, length),
		asm.FnSkbLoadBytes.Call(),
		asm.JNE.Imm(asm.R0, 0, a.onShort),
	)
}

// byteAt reads a byte of the loaded part.
func (a *assembly) byteAt(to asm.Register, at int16) { a.add(asm.LoadMem(to, asm.R10, at, asm.Byte)) }

// numberAt reads two bytes of the loaded part, which are in network order.
func (a *assembly) numberAt(to asm.Register, at int16) {
	a.add(asm.LoadMem(to, asm.R10, at, asm.Half), asm.HostTo(asm.BE, to, asm.Half))
}

// find looks up the loaded part in a list. R0 is zero if it is not in the list.
func (a *assembly) find(list *ebpf.Map, at int16) {
	a.add(
		asm.LoadMapPtr(asm.R1, list.FD()),
		asm.Mov.Reg(asm.R2, asm.R10), asm.Add.Imm(asm.R2, int32(at)),
		asm.FnMapLookupElem.Call(),
	)
}

// passIfOwn ends the program: the packet passes if the loaded part is in the list, and is dropped otherwise.
func (a *assembly) passIfOwn(list *ebpf.Map, at int16) {
	a.find(list, at)
	a.add(asm.JNE.Imm(asm.R0, 0, "pass"), asm.Ja.Label("drop"))
}
