// Package operator measures the operator with many pairs. It runs the real program and a real API server with etcd.
// This process simulates everything else: users who create pairs, the scheduler, the kubelets, and units that report
// and decide by the pairs' Leases.
//
//	bed.go      starts the API server and the operator with the rights that it is installed with
//	fleet.go    plays the units of all pairs
//	slices.go   records when the pairs' EndpointSlices change
//	measure.go  runs the phases of a measurement
//	sample.go   has the measured values, and report.go prints them
package operator
