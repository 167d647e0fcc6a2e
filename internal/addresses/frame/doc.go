// Package frame builds the Ethernet frames by which a unit tells its neighbours where a virtual address is now, and
// asks whether somebody else has it; and it finds, and reads, those by which others say so. It is pure: bytes from
// addresses and back, no sockets. Package vip sends and receives them.
package frame
