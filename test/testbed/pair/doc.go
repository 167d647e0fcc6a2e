// Package pair runs two units on a test network. Each has its replication and its virtual addresses in a process inside
// its router's network namespace. The test decides which unit is active and commands the processes.
//
// The test binary is also the program of the units. A test package calls pair.Main in its TestMain, and any other
// program calls pair.Serve first.
package pair
