// Package hapair is the controller of HAPair. It creates the objects of a pair, and replaces units in an order that
// keeps the traffic flowing. It makes the Service follow the active unit, and reports in the status what it observes.
//
// It decides which objects exist, never which unit is active. The units elect the active unit among themselves by the
// Lease, and this package never writes the spec of the Lease. Units fail over without the operator.
//
// A reconcile is the list of steps in reconciler.go, one file a step. The first step observes the facts, and the others
// act only on complete facts. Something that is missing or refused (an object that the spec names, a configuration, a
// write) becomes a blocker. A blocker stops what depends on it and nothing else: a running pair keeps its last valid
// state, missing units are recreated, and the Service still follows the Lease. The status is computed from the facts
// once, at the end, by one writer.
//
// Command manager calls this package through SetupWithManager.
package hapair
