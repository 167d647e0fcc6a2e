// Package class is the contract between the replication engine and one kind of state. A Source reads the state on the
// active, a Sink writes it on the standby, and a Codec merges two records of one entry.
//
// The package holds no state and does not know the classes. Each class is a package below it that passes the tests of
// classtest and has a Factory in package all. The engine carries each state.Change without reading its record.
package class
