// Package message encodes and decodes the messages by which hosts tell routers which multicast groups they receive:
// IGMPv1, v2 and v3 (RFC 1112, 2236, 3376) for IPv4, and MLDv1 and v2 (RFC 2710, 3810) for IPv6.
//
// All versions become one form. A report of an older version is a record that excludes no source, and a leave is a
// record that includes none. The package does no I/O and keeps nothing.
package message
