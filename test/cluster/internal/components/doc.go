// Package components says what runs on the nodes of the test cluster: which programs, with which flags, configuration
// files and certificates.
//
// It is one file a program, and renders only: package cluster writes what is rendered, package boot runs it.
package components
