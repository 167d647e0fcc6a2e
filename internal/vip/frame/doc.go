// Package frame builds the Ethernet frames by which a unit tells its neighbours where a virtual address is now. It is
// pure: bytes from addresses, no sockets. Package vip sends what it builds.
package frame
