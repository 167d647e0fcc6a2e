// Package dataplane keeps the traffic of a unit's segments apart from the pod's own network.
//
// The control plane (the peer, the API server, the probes of the kubelet) uses the pod's interface and the main routing
// table. The data plane has a table of its own, and rules that select it. No address, prefix or route of a segment is
// in the main table. So nothing on a segment can divert the control plane, and no traffic of a segment leaves by the
// pod's interface.
//
// Package sidecar sets it before the gate can open, and keeps it while the process runs, whatever the role of the unit.
// It stays when the process ends. Package addresses attaches the virtual addresses without routes. The firewall adds
// the routes of its document to the same table. Decision 0017 has the reasons.
package dataplane
