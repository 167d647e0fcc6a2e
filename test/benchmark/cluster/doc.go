// Package cluster measures failovers on a real cluster on this machine: what a user of the sample pair notices while
// the operator, the kubelets and the API server run on the same machine. Package failover measures without a cluster,
// and compares with another system.
package cluster
