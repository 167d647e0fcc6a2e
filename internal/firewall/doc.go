// Package firewall is the default firewall of a unit: it keeps the kernel enforcing the document that is handed to
// it, and reports which one is in force.
//
// A document that is refused, by the checks or by the kernel, leaves the last good one in force. The ruleset outlives
// the program: a restart, an upgrade or the end of the container neither opens nor closes anything. It goes with the
// network namespace of the pod.
//
// What a document says is decided in the packages document and plan. The firewall knows nothing of roles: which
// document each unit is to enforce is decided in package handover, and who forwards is the sidecar's affair.
package firewall
