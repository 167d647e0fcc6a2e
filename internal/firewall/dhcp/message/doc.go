// Package message parses the IPv4 packets by which hosts and relay agents ask a DHCP server (RFC 2131), and encodes the
// packets of the answers. It is pure and knows nothing of networks or leases.
package message
