// Package parts gives a firewall all of its parts. The program and the benchmarks that run a firewall in their own
// process call it, so that neither lacks a new part.
package parts

import (
	"github.com/hapair-io/hapair/internal/firewall"
	"github.com/hapair-io/hapair/internal/firewall/advertiser"
	"github.com/hapair-io/hapair/internal/firewall/dhcp"
	"github.com/hapair-io/hapair/internal/firewall/multicast"
	"github.com/hapair-io/hapair/internal/firewall/nameserver"
	"github.com/hapair-io/hapair/internal/firewall/neighbours"
	"github.com/hapair-io/hapair/internal/firewall/resolver"
	"github.com/hapair-io/hapair/internal/firewall/routing"
	"github.com/hapair-io/hapair/internal/firewall/wan"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/localapi/client"
)

// Replicated is a part with state of its own. It gets its role and the other unit's state by the sidecar's local API.
type Replicated interface {
	// Become sets the role of a part that replicates nothing.
	Become(isActive bool)
	// Replicate connects the part to the local API.
	Replicate(*client.Client)
}

// Add adds every part to a configuration, whose Log must be set. It returns those with state.
func Add(config *firewall.Config, links *rtnetlink.Conn, names resolver.Config) []Replicated {
	config.Advertiser = advertiser.New(links, config.Log.WithName("advertiser"))
	proxy, leases := multicast.New(config.Log.WithName("multicast")), dhcp.New(config.Log.WithName("dhcp"))
	routes := routing.New(links, config.Log)
	balancer := wan.New(wan.Config{
		Links: links, Elements: nftables.Kernel{}, Routes: routes, End: wan.EndConnections, Log: config.Log.WithName("wan"),
	})
	config.Routes, config.Neighbours, config.WAN = routes, neighbours.New(links, config.Log), balancer
	config.Multicast, config.DHCP, config.Names = proxy, leases, resolver.New(names)
	config.DNS = nameserver.New(config.Log.WithName("dns"), leases)
	return []Replicated{proxy, leases, balancer}
}
