// Package nftables brings a ruleset into the kernel, and looks whether it is still there.
//
// A ruleset replaces its whole table in one transaction: the kernel enforces the old one until the new one is complete
// and has been checked, and nothing in between. When it refuses any part, the old one stays. Connections are not
// touched: the connection table is not a part of the ruleset.
//
// The firewall calls it. What a ruleset says is not decided here but in the package plan.
package nftables
