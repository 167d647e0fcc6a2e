// Package delivery hands the firewall beside a sidecar the document that it is to enforce: on the active unit the one
// that the operator gave, on the standby the one that the active enforces.
//
// Both units are given the same document by the operator, each by its own kubelet, one sooner than the other. Only the
// active takes it from there. What its firewall then has in force goes to the standby by replication, so that the
// standby never enforces what the active did not accept, and has it when it takes over.
package delivery
