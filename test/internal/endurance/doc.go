// Package endurance keeps connections of every kind open at once, so that one fault shows its effect on each of them:
// downloads, FTP, datagrams, pings, counting connections, and thousands of idle connections.
//
// Each file has one kind of Traffic. It checks its content to the last byte and measures its longest silence. The
// package knows nothing of pairs: the caller injects a fault between Reset and Check. Cluster tests call it.
package endurance
