// Package boot is PID 1 of a node of the test cluster. It gives the node its own file systems and control groups. It
// starts each program when its condition holds, restarts programs that end, and reaps orphaned processes.
//
// It knows nothing about Kubernetes: its Spec, written by package cluster, has everything. The node's network is
// created from outside before the node starts. There is no orderly shutdown, only a power cut.
package boot
