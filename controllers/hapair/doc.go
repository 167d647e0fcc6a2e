// Package hapair is the controller of HAPair. It creates the objects of a pair, replaces units in an order that keeps the
// traffic flowing, makes the Service follow the active unit and reports in the status what it observes.
//
// It decides which objects exist, never which unit is active. The units elect that among themselves by the Lease, and
// this package writes nothing of the Lease's spec. A failover does not wait for the operator: units fail over without it.
//
// A reconcile is the list of steps in reconciler.go, one file a step. The first step observes the facts, and the others
// act only on complete facts. Something that is missing or refused (an object that the spec names, a configuration, a
// write) becomes a blocker. A blocker stops what depends on it and nothing else: a running pair keeps its last valid
// state, missing units are recreated, and the Service still follows the Lease. The status is computed from the facts
// once, at the end, by one writer.
//
// Command manager calls this package through SetupWithManager.
package hapair
