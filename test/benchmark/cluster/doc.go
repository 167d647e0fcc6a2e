// Package cluster measures failovers on a real cluster on this machine: what a user of the sample pair notices of them,
// with the operator, the kubelets and the API server at work beside it. test/benchmark/failover has the same without a
// cluster, beside what else there is.
package cluster
