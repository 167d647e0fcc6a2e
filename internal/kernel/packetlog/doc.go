// Package packetlog receives the packets that log rules copy to a group of nfnetlink_log, each with the rule's prefix.
//
// It replaces the kernel's own log, which ignores network namespaces other than the initial one. A pod's packets would
// not appear there. Packets that are not received in time are lost. Nothing depends on them: the log is for people.
//
// The firewall calls this package.
package packetlog
