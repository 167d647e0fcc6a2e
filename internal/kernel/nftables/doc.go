// Package nftables applies a ruleset to the kernel, and verifies that the kernel still has it.
//
// A ruleset replaces its whole table in one transaction. The kernel enforces the old table until the new one is
// complete and valid. If the kernel refuses any part, the old table stays. Connections are not touched, because the
// connection table is not a part of the ruleset.
//
// Package gate uses the type Gate here, which stops forwarding with nftables rules.
//
// The firewall applies its rulesets with the type Kernel. Package plan decides what a ruleset contains.
package nftables
