// Package layout is the plan of the test cluster: its segments, its hosts, their cables and addresses.
//
// It holds data and look-ups, and does nothing. Everything else in the test cluster takes names and addresses from
// here, so that a change of the plan is a change of one file.
package layout
