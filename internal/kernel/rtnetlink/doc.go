// Package rtnetlink configures the network namespace of the process: addresses and MAC addresses of interfaces, IPv4
// settings of an interface, routes and rules, and BPF filters in traffic control. It also reports when one of them
// changes. Setters take the complete state that the caller wants, so repeating a call is harmless.
//
// The package decides nothing. Packages gate and addresses choose what to set, and package health judges what is seen.
//
// The messages are those of github.com/vishvananda/netlink. Two things are built here because that library has no
// call for them: reading and writing the IPv4 settings of an interface (devconf.go), and one subscription to
// several groups of notifications that survives an overrun (follow.go).
package rtnetlink
