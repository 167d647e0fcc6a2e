package endurance

import "net/netip"

// PortConflict is two addresses of the client's host. A flow from the rival starts first and has the same port or
// identifier, so source NAT must give the client another one. Without the conflict the client would keep its own port,
// even if a firewall that had lost the flow took it for a new one. The zero value means no conflict.
type PortConflict struct{ Client, Rival netip.Addr }

// from returns the address that a client's socket is bound to, to reach a server.
func (c PortConflict) from(to netip.Addr) netip.Addr {
	switch {
	case c.Client.IsValid():
		return c.Client
	case to.Is6():
		return netip.IPv6Unspecified()
	default:
		return netip.IPv4Unspecified()
	}
}
