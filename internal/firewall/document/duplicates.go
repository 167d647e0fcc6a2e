package document

// removeDuplicates removes every value of a list that is equal to an earlier one. Such a value means nothing, and it
// often comes from a generator or a merge.
func (d *Document) removeDuplicates() {
	for i := range d.Zones {
		d.Zones[i].Interfaces = unique(d.Zones[i].Interfaces)
	}
	for i := range d.Addresses {
		d.Addresses[i].Members = unique(d.Addresses[i].Members)
		d.Addresses[i].FQDN = unique(d.Addresses[i].FQDN)
	}
	for i := range d.Services {
		d.Services[i].Ports = unique(d.Services[i].Ports)
	}
	for i := range d.Policies {
		p := &d.Policies[i]
		p.From, p.To, p.Services = unique(p.From), unique(p.To), unique(p.Services)
		p.Source, p.Destination = unique(p.Source), unique(p.Destination)
	}
	for i := range d.SourceNAT {
		n := &d.SourceNAT[i]
		n.Source, n.Destination = unique(n.Source), unique(n.Destination)
	}
	d.Multicast.Downstream, d.Multicast.Groups = unique(d.Multicast.Downstream), unique(d.Multicast.Groups)
	for i := range d.DHCP.Networks {
		n := &d.DHCP.Networks[i]
		n.Ranges, n.Relays = unique(n.Ranges), unique(n.Relays)
		o := &n.Options
		o.Routers, o.DNSServers, o.NTPServers = unique(o.Routers), unique(o.DNSServers), unique(o.NTPServers)
	}
	for i := range d.DHCPv6.Networks {
		n := &d.DHCPv6.Networks[i]
		n.DNSServers, n.SearchDomains, n.NTPServers = unique(n.DNSServers), unique(n.SearchDomains), unique(n.NTPServers)
	}
	for i := range d.RouterAdvertisements.Networks {
		n := &d.RouterAdvertisements.Networks[i]
		n.DNSServers, n.SearchDomains = unique(n.DNSServers), unique(n.SearchDomains)
	}
	for i := range d.DNS.Listeners {
		d.DNS.Listeners[i].Clients = unique(d.DNS.Listeners[i].Clients)
	}
	for i := range d.DNS.Records {
		d.DNS.Records[i].Addresses = unique(d.DNS.Records[i].Addresses)
	}
	d.DNS.LocalDomains = unique(d.DNS.LocalDomains)
	d.VPN.removeDuplicates()
	dynamic := &d.Routing.Dynamic
	for _, list := range []*[]Redistribution{
		&dynamic.OSPF.Redistribute, &dynamic.OSPFv3.Redistribute, &dynamic.RIP.Redistribute,
		&dynamic.RIPng.Redistribute, &dynamic.BGP.Redistribute,
	} {
		*list = unique(*list)
	}
	dynamic.BGP.Networks = unique(dynamic.BGP.Networks)
	for i := range dynamic.BGP.Neighbours {
		n := &dynamic.BGP.Neighbours[i]
		n.Accept, n.Announce = unique(n.Accept), unique(n.Announce)
	}
	for i := range d.WAN.Links {
		d.WAN.Links[i].Gateways = unique(d.WAN.Links[i].Gateways)
	}
	for i := range d.Routing.PolicyRoutes {
		r := &d.Routing.PolicyRoutes[i]
		r.From, r.Source, r.Destination = unique(r.From), unique(r.Source), unique(r.Destination)
	}
}

func (v *VPN) removeDuplicates() {
	for i := range v.SiteToSite {
		t := &v.SiteToSite[i]
		t.LocalNetworks, t.RemoteNetworks = unique(t.LocalNetworks), unique(t.RemoteNetworks)
		t.IKE.Proposals, t.ESP.Proposals = unique(t.IKE.Proposals), unique(t.ESP.Proposals)
	}
	remote := &v.RemoteAccess
	remote.Pools, remote.LocalNetworks = unique(remote.Pools), unique(remote.LocalNetworks)
	remote.DNSServers = unique(remote.DNSServers)
	remote.IKE.Proposals, remote.ESP.Proposals = unique(remote.IKE.Proposals), unique(remote.ESP.Proposals)
}

// unique removes repeated values in place, and keeps the order of the others.
func unique[T comparable](values []T) []T {
	seen := make(map[T]bool, len(values))
	kept := values[:0]
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			kept = append(kept, v)
		}
	}
	return kept
}
