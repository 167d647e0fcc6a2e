// Package programs runs units with the sidecar and the firewall of the release, each pair of programs in a network
// namespace, as in a pod. They decide themselves who is active.
//
// Witness is as much of an API server as they need: the pair's Lease, its pods and its HAUnits.
package programs
