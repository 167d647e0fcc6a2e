// Package bpf is the gate's program: what the kernel runs on every packet of a traffic interface, assembled here from
// instructions, with no compiler.
//
// The program compares the boot clock with a deadline and lets everything pass before it. Past it, what comes in passes
// only if it is addressed to the unit itself, and what goes out only if it is from the unit itself (see ingress.go and
// egress.go). The deadline is an absolute instant in memory that the process shares with the kernel: moving it is one
// store, and a process that stood still before the store opens nothing that should be closed by then.
//
// Package gate puts the program onto the interfaces: through package rtnetlink, as filters that hold the program, and
// its deadline, for as long as the interface lives, whatever becomes of the process; and, where the kernel can, once
// more in front of them as a shortcut (see shortcut.go), which costs a packet half as much and ends with the process.
package bpf
