// Package ruleset is the vocabulary in which the firewall's rules are spoken of between the package plan, which makes
// them of a document, and the package nftables, which brings them into the kernel: sets, chains, and rules of matches
// and actions, as plain values.
//
// A ruleset prints as nftables' own language, so that people can read it and nft can load it. It is not a model of all
// that nftables can do: it has what this firewall uses.
package ruleset
