// Package frame builds the Ethernet frames by which a unit announces the location of a virtual address and probes for
// other stations that have it. It also recognises and parses the frames in which others claim an address. It is pure:
// it converts addresses to bytes and back, without sockets. Package addresses sends and receives the frames.
package frame
