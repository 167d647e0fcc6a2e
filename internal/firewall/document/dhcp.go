package document

import (
	"net/netip"
	"time"
)

// DHCP is to which hosts the unit gives IPv4 addresses.
type DHCP struct {
	Networks []DHCPNetwork `json:"networks"`
}

// IsEnabled reports whether the unit is a DHCP server.
func (d DHCP) IsEnabled() bool { return len(d.Networks) > 0 }

// DHCPNetwork is a network whose hosts get addresses.
type DHCPNetwork struct {
	// Interface is an interface of a zone: that of the hosts, or the one by which their relays reach the unit.
	Interface string       `json:"interface"`
	Subnet    netip.Prefix `json:"subnet"`
	// Address is the virtual address of the server.
	Address netip.Addr `json:"address"`
	// Ranges are the addresses for any host, and Reservations those for one host each.
	Ranges       []Block           `json:"ranges,omitempty"`
	Reservations []DHCPReservation `json:"reservations,omitempty"`
	// Relays are the relay agents of the hosts; empty if the hosts are on the link of the interface.
	Relays []netip.Addr `json:"relays,omitempty"`
	// LeaseSeconds is how long an address is given; 0 is an hour.
	LeaseSeconds uint32      `json:"leaseSeconds,omitempty"`
	Options      DHCPOptions `json:"options,omitzero"`
}

// defaultLease is how long an address is given if the document does not tell.
const defaultLease = time.Hour

// Lease returns how long an address is given.
func (n DHCPNetwork) Lease() time.Duration {
	if n.LeaseSeconds == 0 {
		return defaultLease
	}
	return time.Duration(n.LeaseSeconds) * time.Second
}

// IsRelayed reports whether the hosts are behind relay agents.
func (n DHCPNetwork) IsRelayed() bool { return len(n.Relays) > 0 }

// DHCPReservation is an address for one host.
type DHCPReservation struct {
	MAC     MAC        `json:"mac"`
	Address netip.Addr `json:"address"`
	// Hostname is the name that the host is told; none if it is empty.
	Hostname string `json:"hostname,omitempty"`
}

// DHCPOptions are what hosts learn besides their address.
type DHCPOptions struct {
	// Routers are the default routers. If it is empty, it is the server for hosts on the link of the interface.
	Routers         []netip.Addr `json:"routers,omitempty"`
	DNSServers      []netip.Addr `json:"dnsServers,omitempty"`
	Domain          string       `json:"domain,omitempty"`
	NTPServers      []netip.Addr `json:"ntpServers,omitempty"`
	MTU             uint16       `json:"mtu,omitempty"`
	CaptivePortal   string       `json:"captivePortal,omitempty"`
	ClasslessRoutes []DHCPRoute  `json:"classlessRoutes,omitempty"`
}

// DHCPRoute is a route for hosts.
type DHCPRoute struct {
	To  netip.Prefix `json:"to"`
	Via netip.Addr   `json:"via"`
}
