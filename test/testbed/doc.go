// Package testbed creates real networks for tests: network namespaces with bridges, hosts and two routers that share
// virtual addresses. In package pair each unit of the pair is a process of its own.
//
// It is for tests with the build tag netns, which run as root and need a kernel. Each test removes what it created. The
// next test removes what a crashed one left behind.
package testbed
