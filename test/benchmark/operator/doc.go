// Package operator measures how the operator bears many pairs: the real program and a real API server with etcd, and in
// this process everything that stands around them, simulated: users who create pairs, the scheduler and kubelets that
// bring pods to life, and units that report and decide by the pairs' Leases.
//
//	bed.go      the API server, the operator as a process of its own, the rights that it is installed with
//	fleet.go    the units of all pairs
//	slices.go   when the pairs' EndpointSlices change
//	measure.go  what is done, one phase after the other
//	sample.go   what was measured, and report.go what it comes to
package operator
