// Package localapi describes the local provider API: how a process in the pod of a unit publishes its state, and gets
// it back after a restart or on the other unit. A provider speaks HTTP/1.1 over a unix socket of its own. The sidecar
// stores what it publishes, and replicates it.
//
// The package has what both sides share: types, bounds, problems and the list of operations, from which the OpenAPI
// description is generated. It does no I/O.
//
//	types.go       what requests and responses contain
//	operations.go  the list of operations
//	problem.go     errors as responses (RFC 9457)
//	entry.go       rules for keys, values, lives and class names
//	server/        the server in the sidecar
//	client/        the client of a provider written in Go
package localapi
