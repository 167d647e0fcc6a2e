package bpf

import "github.com/cilium/ebpf/asm"

// Offsets in the memory that the process and the programs share.
const (
	// deadlineAt is the offset of the instant on the boot clock at which the gate closes. Only the process writes it.
	deadlineAt = 0
	// closedForAt is the offset of the last deadline that a program found to have passed.
	closedForAt = 8
	// interfacesAt is the offset of the indexes of the gate's interfaces. Each has four bytes, and zero means none.
	interfacesAt = 16
	// controlAt4 and controlAt6 are the offsets of the addresses of the control plane, in network order. Zero means none.
	controlAt4 = 128
	controlAt6 = controlAt4 + 4*MaximumControl
	// droppedAt is the offset of the counters of packets that the guard dropped, one of eight bytes for each kind.
	droppedAt = 256
	// sharedLength is the size of the memory.
	sharedLength = droppedAt + 8*int(Kinds)
	// MaximumInterfaces is the largest number of interfaces of one gate.
	MaximumInterfaces = (controlAt4 - interfacesAt) / 4
	// MaximumControl is the largest number of addresses of the control plane of one family.
	MaximumControl = 6
)

// ingressInterface is the offset of ingress_ifindex in struct __sk_buff (include/uapi/linux/bpf.h). This is the
// interface on which the packet arrived, or zero for a packet of this host.
const ingressInterface = 36

// passBefore passes every incoming packet before the deadline, with as few instructions as possible. The instructions
// after it only run while the gate is closed, when speed does not matter.
func (a *assembly) passBefore() {
	a.add(
		asm.FnKtimeGetBootNs.Call(),
		asm.LoadMapValue(asm.R1, a.permit.FD(), 0),
		asm.LoadMem(asm.R2, asm.R1, deadlineAt, asm.DWord),
		asm.JLT.Reg(asm.R0, asm.R2, "pass"),
		asm.StoreMem(asm.R1, closedForAt, asm.R2, asm.DWord),
	)
}

// passOutBefore passes every outgoing packet before the deadline, and drops forwarded packets after it.
//
// Reading the clock is the largest part of the gate's cost. It is therefore not read again for a packet that arrived on
// an interface of the gate: the ingress program has just read it, and records a deadline that has passed. That record
// also stops packets to the unit that passed the ingress program, were translated, and then forwarded.
func (a *assembly) passOutBefore() {
	const cameBy, shared = asm.R7, asm.R8
	a.add(
		asm.Mov.Reg(packet, asm.R1),
		asm.LoadMem(cameBy, packet, ingressInterface, asm.Word),
		asm.LoadMapValue(shared, a.permit.FD(), 0),
		asm.JEq.Imm(cameBy, 0, "clock"),
	)
	for n := range a.interfaces {
		a.add(
			asm.LoadMem(asm.R1, shared, int16(interfacesAt+4*n), asm.Word),
			asm.JEq.Reg(cameBy, asm.R1, "judged"),
		)
	}
	a.add(asm.Ja.Label("clock"))
	a.label("judged")
	a.add(
		asm.LoadMem(asm.R1, shared, deadlineAt, asm.DWord),
		asm.LoadMem(asm.R2, shared, closedForAt, asm.DWord),
		asm.JNE.Reg(asm.R1, asm.R2, "pass"),
	)
	a.label("clock")
	a.add(
		asm.FnKtimeGetBootNs.Call(),
		asm.LoadMem(asm.R2, shared, deadlineAt, asm.DWord),
		asm.JLT.Reg(asm.R0, asm.R2, "pass"),
		asm.StoreMem(shared, closedForAt, asm.R2, asm.DWord),
		asm.JNE.Imm(cameBy, 0, "drop"),
	)
}
