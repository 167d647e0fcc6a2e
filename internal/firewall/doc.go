// Package firewall is the default firewall of a unit. It makes the kernel enforce the document in a file, restores the
// rules if they are altered, and reports which document is in force.
//
// Rules are always in force. Before the first document, a base ruleset drops everything. The firewall follows the
// kernel's notifications and restores altered rules at once.
//
// A document that is refused, by the checks or by the kernel, leaves the last good one in force. The firewall keeps its
// text, so that a restarted firewall can restore its rules. The ruleset outlives the program: a restart or the end of
// the container neither opens nor closes anything. The ruleset ends with the network namespace of the pod.
//
// Packages document and plan define what a document means. The firewall does not know roles: package delivery, in the
// sidecar, selects the document for each unit, and the sidecar's gate decides which unit forwards. Package
// internal/cli/firewall runs the firewall.
package firewall
