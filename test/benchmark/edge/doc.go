// Package edge measures how fast a unit puts back what somebody else takes away from its network namespace. Each figure
// is a measurement: it damages the host many times, and returns how long each damage lasted.
//
// To add a figure, write a function of the type of measure in a file of its own, and add it to the list in run.go.
// `make bench-edge` runs the benchmark and prints a table. The whole process runs in a network namespace of its own.
package edge
