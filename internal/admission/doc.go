// Package admission bounds the connections of clients that have not proved who they are. Beyond the bound, a new
// connection displaces the oldest. So clients that connect and say nothing, or that send a byte now and then, keep
// nobody out: a client that means it needs its place for a moment only.
//
// The servers of a unit use it: replication, health and metrics.
package admission
