// Package components defines what runs on the nodes of the test cluster: programs, flags, configuration files and
// certificates.
//
// Each program has one file. The package only renders: package cluster writes the files, and package boot runs the
// programs.
package components
