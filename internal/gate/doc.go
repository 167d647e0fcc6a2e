// Package gate lets traffic through a unit until a deadline, and no longer.
//
// The gate is in the kernel, on the unit's traffic interfaces. It closes by itself, whether the process runs, stands
// still or is dead. While it is closed, the unit forwards nothing. It does not answer for an address that it shares
// with its peer, and does not claim one. Its own addresses still work in both directions, so that a standby can be
// probed and can probe.
//
// Where the kernel allows it, the gate is a program that compares the boot clock with an absolute deadline (package
// bpf). A process that stood still between the decision and its effect opens nothing that should be closed by then.
// Where the kernel refuses programs, the gate is a ruleset whose permits time out (package nftables). That one is
// weaker. A timeout is relative to when the kernel takes it, so each one is checked after it was set. And a flush of
// all rulesets removes the gate until it is put back, closed. Package dataplane has the kernel drop what lacks the mark
// of this gate, so nothing is forwarded meanwhile. Fence returns which one it is.
//
// Some hypervisors stop the boot clock together with the machine. The unit's clock (package clock) shows that, and the
// gate then sets its deadline again.
//
// The gate has two inputs: the deadline, and whether the firewall's rules are in force. It is open while both allow it.
//
// Package sidecar sets the gate as the state machine wants it. The gate itself decides only that a deadline has passed.
// It stays when the process ends. When the process is started again, it replaces the gate by a closed one in one step
// that leaves no packet without a gate.
package gate
