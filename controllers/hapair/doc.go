// Package hapair is the controller of HAPair: it makes what a pair consists of, replaces units in an order that keeps
// the traffic flowing, points the Service at the active unit and tells in the status what it sees.
//
// It decides what exists, never who is active: the units decide that among themselves by the Lease, of whose spec this
// package writes nothing. Nothing here is on the way of a failover; with the operator down, units fail over all the
// same.
//
// A reconcile is the list of steps in reconciler.go, one file a step. First the facts are observed; a step acts only on
// facts that are whole. What a spec lacks (an object that it names, a document that is refused) is not an error but a
// lack, which holds back what depends on it and nothing else: a running pair keeps its last good state.
package hapair
