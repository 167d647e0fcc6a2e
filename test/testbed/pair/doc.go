// Package pair is two units on a test network: each has its replication, and its virtual addresses, in a process inside
// of its router's network namespace. The processes obey the test, which stands in for the judgement of who is active.
//
// A package that uses it has pair.Main as its TestMain, since its test binary is also the unit's program; another
// program begins with pair.Serve.
package pair
