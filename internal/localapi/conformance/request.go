package conformance

import (
	"slices"
	"time"
)

// operation is what a request of the provider asks for.
type operation string

const (
	operationInfo   operation = "info"
	operationList   operation = "list"
	operationWatch  operation = "watch"
	operationPut    operation = "put"
	operationDelete operation = "delete"
	operationBatch  operation = "batch"
	operationHeld   operation = "held"
	operationEvents operation = "events"
)

// isWrite reports whether the operation changes entries.
func (o operation) isWrite() bool {
	return o == operationPut || o == operationDelete || o == operationBatch
}

// request is one request of the provider, as the played sidecar saw it.
type request struct {
	operation operation
	class     string
	term      uint64
	revision  uint64 // with operationHeld
	durable   bool   // whether the provider asked for the acknowledgement of the peer
	replace   bool
	puts      []string // keys
	deletes   []string
	arrived   time.Time
	answered  time.Time // zero while it is not answered
	status    int
}

// succeeded reports whether the request was answered with success until an instant.
func (r request) succeeded(until time.Time) bool {
	return r.status/100 == 2 && !r.answered.IsZero() && !r.answered.After(until)
}

// journal is the list of requests of one run of a script. Its length is bounded, since a defective provider can repeat
// a request forever.
type journal []request

const maxJournal = 100_000

// writes returns the requests that changed entries, or tried to, from an instant on.
func (j journal) writes(since time.Time) journal {
	return j.where(func(r request) bool { return r.operation.isWrite() && !r.arrived.Before(since) })
}

func (j journal) where(matches func(request) bool) journal {
	return slices.DeleteFunc(slices.Clone(j), func(r request) bool { return !matches(r) })
}

func (j journal) contains(matches func(request) bool) bool { return slices.ContainsFunc(j, matches) }
