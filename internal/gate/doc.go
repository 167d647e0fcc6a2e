// Package gate lets traffic through a unit until a deadline, and no longer.
//
// The gate stands in the kernel, on the unit's traffic interfaces, and closes by itself: whether the process runs,
// stands still or is dead makes no difference. While it is closed, the unit forwards nothing, answers for no address
// that it shares with its peer and claims none; its own addresses are reached, and it can reach others with them, so
// that a standby can be probed and can probe.
//
// What it is made of is, where the kernel lets it, a program that compares the boot clock with an absolute deadline
// (package bpf): a process that stood still between the decision and its effect opens nothing that should be closed by
// then. Where the kernel refuses programs it is a ruleset whose permits time out (package nftables), which is weaker:
// a time-out is relative to when the kernel takes it, so that each one is checked after it was set, and whoever flushes
// all rulesets takes the gate down until it is put up again. Kind tells which one it is.
//
// Package sidecar sets the gate as the machine wants it; the gate itself decides nothing but that a deadline has
// passed. It stays when the process ends, and is replaced, closed, when the process is started again, in one step that
// leaves no packet without a gate.
package gate
