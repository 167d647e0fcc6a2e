// Package sidecar runs one unit: it feeds the ha machine with what happens and executes what the machine wants.
//
// One goroutine owns the machine and turns it; everything else tells that goroutine facts. Effects on the host (gate,
// addresses, announcements) are executed by it at once and in order, so that closing never waits behind a slow request.
// Effects that wait for others (the API server, the peer) run in goroutines of their own, each bounded in time. Every
// effect that can fail is answered, and the answer is a fact for the machine.
//
// The package decides nothing about roles: that is package ha. What it uses of the world it takes as small interfaces,
// which package cli fills in.
package sidecar
