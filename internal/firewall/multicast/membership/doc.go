// Package membership keeps which multicast groups the hosts on each downstream interface receive, and from which
// sources. It is the router's side of IGMPv3 (RFC 3376, 6) and MLDv2 (RFC 3810, 7), which are the same.
//
// It does no I/O. Its clock is a duration since any instant, which the caller passes. A method that changes something
// returns what the router must ask.
package membership
