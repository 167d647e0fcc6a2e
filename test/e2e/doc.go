// Package e2e tries hapair on the real test cluster, from outside, as its users would: with the Helm chart and kubectl,
// and with hosts on both sides that care only for their connection. Build tag e2e; it needs root, and takes the cluster
// of an earlier run or demo away first.
package e2e
