package document

import (
	"net/netip"
	"slices"
	"time"
)

// DHCPv6 is which hosts learn servers and domains by DHCPv6. It gives no addresses.
type DHCPv6 struct {
	Networks []DHCPv6Network `json:"networks"`
}

// IsEnabled reports whether the unit is a DHCPv6 server.
func (d DHCPv6) IsEnabled() bool { return len(d.Networks) > 0 }

// DHCPv6Network is a network whose hosts are answered.
type DHCPv6Network struct {
	// Interface is an interface of a zone.
	Interface string `json:"interface"`
	// Address is the virtual link-local address of the server.
	Address       netip.Addr   `json:"address"`
	DNSServers    []netip.Addr `json:"dnsServers,omitempty"`
	SearchDomains []string     `json:"searchDomains,omitempty"`
	NTPServers    []netip.Addr `json:"ntpServers,omitempty"`
	// RefreshSeconds is how long hosts wait until they ask again; 0 is a day.
	RefreshSeconds uint32 `json:"refreshSeconds,omitempty"`
}

// defaultRefresh is IRT_DEFAULT of RFC 8415.
const defaultRefresh = 24 * time.Hour

// Refresh returns how long hosts wait until they ask again.
func (n DHCPv6Network) Refresh() time.Duration { return secondsOr(n.RefreshSeconds, defaultRefresh) }

// AdvertisedNetworks returns the networks with router advertisements. Hosts of those with DHCPv6 are told to ask it.
func (d Document) AdvertisedNetworks() []AdvertisedNetwork {
	networks := slices.Clone(d.RouterAdvertisements.Networks)
	for i := range networks {
		networks[i].OtherConfiguration = networks[i].OtherConfiguration || d.DHCPv6.serves(networks[i].Interface)
	}
	return networks
}

// serves reports whether hosts of an interface are answered.
func (d DHCPv6) serves(name string) bool {
	return slices.ContainsFunc(d.Networks, func(n DHCPv6Network) bool { return n.Interface == name })
}
