// Package ruleset defines the rules of the firewall as plain values: sets, chains, and rules of matches and actions.
// Package plan creates them from a document, and package nftables writes them to the kernel.
//
// A ruleset prints in the language of nft, so that people can read it and nft can load it. It does not model all of
// nftables, only what this firewall uses.
package ruleset
