// Package packetlog receives the packets that log rules copy to a group of nfnetlink_log, each with the rule's prefix.
//
// The kernel's own log is no place for them: it takes nothing from network namespaces other than the first, so that
// lines of a pod would vanish. What is not received in time is lost; the log is for people and decides nothing.
//
// The firewall calls it.
package packetlog
