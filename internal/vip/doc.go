// Package vip puts the virtual addresses of a unit on its traffic interfaces, takes them off, and tells the neighbours
// where they are: by gratuitous ARP for IPv4, and unsolicited neighbour advertisements for IPv6.
//
// It is called by package sidecar, which executes what the machine wants; it does not know who is active or why. The
// frames are built by package frame, and the addresses are set through package rtnetlink.
package vip
