// Package delivery delivers to the firewall of a unit the document that it should enforce. The active unit enforces the
// document of the operator, and the standby enforces the one that the active has in force.
//
// The operator gives both units the same document. Their kubelets bring it at different times, and only the active
// takes it from there. Once its firewall enforces the document, replication sends it to the standby. So the standby
// never enforces what the active refused, and it has the document when it takes over.
//
// The sidecar runs it. The package does not apply rules; package firewall does, in a container of its own.
package delivery
