// Package message has the messages of DNS clients and servers (RFC 1035, RFC 6891). It reads questions of clients and
// writes answers to them, and does the reverse with upstream servers. It does no I/O of its own.
package message
