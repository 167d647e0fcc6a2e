// Package upstream asks DNS servers. A question goes to the servers of its group in their order, until one answers. A
// server that does not answer is asked last for a while.
//
// Each question has a source port and an ID of its own, chosen at random, so that a stranger must guess both to forge
// an answer (RFC 5452). What does not answer the question is ignored.
//
//	group.go     questions to a group of servers
//	health.go    which server is asked first, without I/O
//	exchange.go  a question to one server
package upstream
