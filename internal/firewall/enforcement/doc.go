// Package enforcement asks the kernel which document's rules are in force on this unit. It believes no file: a document
// counts only if the unit knows its text, and if the kernel's table equals the ruleset that the text compiles to.
//
// The unit knows the documents that it delivered to the firewall, and the last one that was in force. An earlier
// document counts as much as the newest: the firewall may have refused the newest. No table, a part of a table, and the
// table of an unknown document do not count.
//
// The sidecar runs it, and closes the gate while no document is in force. The package changes nothing in the kernel;
// package firewall restores rules.
package enforcement
