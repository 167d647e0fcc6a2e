// Package testbed makes real networks for tests: network namespaces with bridges, hosts and two routers that share
// virtual addresses, each unit of the pair in a process of its own.
//
// It is for tests that carry the build tag netns, run as root, and need a kernel to answer. What it makes is removed
// when the test ends, and what a crashed test left behind is removed by the next one.
package testbed
