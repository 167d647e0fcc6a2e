// Package bpf is the gate's program, which the kernel runs on every packet of a traffic interface. It is assembled here
// from instructions, without a compiler.
//
// The program compares the boot clock with a deadline and lets everything pass before it. Past the deadline, an
// incoming packet passes only if it is addressed to the unit itself, and an outgoing one only if it is from the unit
// itself (see ingress.go and egress.go). The deadline is an absolute instant in memory that the process shares with the
// kernel. Moving it is one store, and a process that stood still before the store opens nothing that should be closed
// by then.
//
// Package gate puts the program onto the interfaces. As filters of package rtnetlink it stays as long as the interface
// lives, with its deadline, whatever happens to the process. Where the kernel supports it, a shortcut runs in front of
// them (see shortcut.go). It costs a packet half as much and ends with the process.
package bpf
