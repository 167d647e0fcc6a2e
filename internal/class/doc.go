// Package class is the contract between one kind of replicated state and the engine that carries it: where the state is
// read on the active (Source), where it is written on the standby (Sink), and how two records of one entry become one
// (Codec).
//
// It holds no state and knows no class. Each class is a package below it, passes the tests of classtest, and is handed
// to the engine as a Class. What goes between source and sink is state.Change, which nobody on the way looks into.
package class
