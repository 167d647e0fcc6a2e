// Package survival has a row for each class of replicated state: clients and servers that need the class, and what
// proves that they go on. Real ones are used wherever Debian or a Go module has them.
//
// Each file has one row. The package knows nothing of pairs: the caller moves the role between Announce and Check.
// Cluster tests call it.
package survival
