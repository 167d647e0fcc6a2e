// Package socketfilter makes the kernel drop packets before a socket of the control plane sees them. It drops packets
// that arrive at another interface, such as one of a traffic network, and datagrams of strangers. Those take neither
// space in the socket's buffer nor time of its process.
//
// It is a second line of defence. The gate drops packets to the control plane on traffic interfaces, but somebody can
// remove a gate. The command line of the sidecar finds the interfaces, and package heartbeat sets the contents.
//
// AttachProgram is for packages with a program of their own: addresses and conntrack.
package socketfilter
