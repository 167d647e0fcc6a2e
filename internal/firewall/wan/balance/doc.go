// Package balance decides which links to the Internet are up, and which share of new connections each gets. It does no
// I/O. Package wan calls it.
package balance
