// Package nameserver is the DNS forwarder of a unit. It answers the hosts that the document names, at virtual
// addresses. It answers with what the unit knows itself, what it has in its cache, or what other servers answer.
//
//	message      the messages of clients and servers, without I/O
//	local        the names that the unit knows itself, without I/O
//	cache        the answers of other servers, without I/O
//	upstream     questions to other servers
//	server.go    the listeners of a document
//	listener.go  the sockets of an address
//	service.go   the answers of a document
//	limits.go    how much clients may ask at once
//
// It listens on both units all the time. The standby does not have the addresses yet, and the gate keeps questions from
// it. So a promotion starts nothing. The rules of the firewall pass questions of the document's clients to it, and the
// server checks the clients again: it must never become an open resolver.
package nameserver
