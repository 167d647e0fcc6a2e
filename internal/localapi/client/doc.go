// Package client is the client of the local provider API for providers written in Go.
//
// A process that owns a class uses a Provider, which does what the API asks of every provider. It lists before anything
// else, and writes only while the unit is active, in the term of the unit. After a reconnection, it publishes
// everything again. A process that only reads a class calls Client.Follow.
//
//	client.go     one request at a time
//	follow.go     lists and watches of a class, with reconnection
//	provider.go   a class that this process owns
//	mirror.go     a class of which nothing is promised before the peer has it
//	pending.go    changes that wait to be sent, at most one for each key
package client
