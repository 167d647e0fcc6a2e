// Package boot is PID 1 of a node of the test cluster: it gives the node file systems and control groups of its own,
// starts its programs when what they need is there, starts again what ends, and collects what is orphaned.
//
// It knows nothing about Kubernetes: a Spec, written by package cluster, says everything. A node's network is
// made from outside before it starts, as cables are laid before a machine is switched on. There is no orderly end: the
// power is cut.
package boot
