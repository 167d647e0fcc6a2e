package bpf

import "github.com/cilium/ebpf/asm"

// What is in the memory that the process and the programs share, by offset.
const (
	// deadlineAt is the instant on the boot clock at which the gate closes; the process alone writes it.
	deadlineAt = 0
	// closedForAt is the last deadline that a program has found to be past.
	closedForAt = 8
	// interfacesAt are the numbers of the interfaces that the gate is on, four bytes each, zero for none.
	interfacesAt = 16
	// sharedLength is all of it.
	sharedLength = 128
	// MaximumInterfaces is how many interfaces one gate can be on.
	MaximumInterfaces = (sharedLength - interfacesAt) / 4
)

// ingressInterface is the place of ingress_ifindex in struct __sk_buff (include/uapi/linux/bpf.h): the interface that
// the packet came in by, zero for one that was made here.
const ingressInterface = 36

// passBefore passes everything that comes in before the deadline, in as few instructions as it takes. What follows is
// for a closed gate, where nothing is in a hurry.
func (a *assembly) passBefore() {
	a.add(
		asm.Mov.Reg(packet, asm.R1),
		asm.FnKtimeGetBootNs.Call(),
		asm.LoadMapValue(asm.R1, a.permit.FD(), 0),
		asm.LoadMem(asm.R2, asm.R1, deadlineAt, asm.DWord),
		asm.JLT.Reg(asm.R0, asm.R2, "pass"),
		asm.StoreMem(asm.R1, closedForAt, asm.R2, asm.DWord),
	)
}

// passOutBefore passes everything that goes out before the deadline, and drops what was routed past it.
//
// To ask for the time is most of what the gate costs. So it is not asked again for a packet that came in by an
// interface of the gate: there the clock was looked at a moment ago, and had the deadline been past, it would be noted
// as such. What was routed after all, because it was addressed to the unit and then translated, finds that note.
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
