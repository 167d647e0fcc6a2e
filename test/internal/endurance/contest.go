package endurance

import "net/netip"

// Contest is two addresses of the client's host. A flow from the rival has the same port, or identifier, and is first:
// behind source translation, the client must be given another. Without a contest the client would keep its own, and
// would keep it too if a firewall that knew nothing of the flow took it for a new one. The zero Contest is none.
type Contest struct{ Client, Rival netip.Addr }

// from is the address that a client's socket is bound to, to reach a server.
func (c Contest) from(to netip.Addr) netip.Addr {
	switch {
	case c.Client.IsValid():
		return c.Client
	case to.Is6():
		return netip.IPv6Unspecified()
	default:
		return netip.IPv4Unspecified()
	}
}
