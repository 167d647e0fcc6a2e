// Package e2e tests hapair on the test cluster, from outside, as its users would: with the Helm chart, kubectl, and
// hosts on both sides. It needs the build tag e2e and root. It removes the cluster of an earlier run or demo first.
package e2e
