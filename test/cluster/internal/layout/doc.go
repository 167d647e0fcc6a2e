// Package layout is the plan of the test cluster: its segments, its hosts, their cables and addresses.
//
// It has only data and look-ups. All other packages of the test cluster take names and addresses from here, so a change
// of the plan is a change of one file.
package layout
