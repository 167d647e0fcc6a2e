// Package information has the messages by which hosts of IPv6 learn servers and domains (stateless DHCPv6, RFC 8415,
// section 6.1). It does no I/O.
package information
