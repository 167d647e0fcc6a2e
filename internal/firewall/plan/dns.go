package plan

import (
	"fmt"
	"slices"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// withDNS returns a document with the policies that the DNS forwarder needs, before all others. Each passes the
// questions of the clients of one address. Their names cannot be those of a document, since they have a dot.
func withDNS(d document.Document) document.Document {
	if !d.DNS.IsEnabled() {
		return d
	}
	var services []string
	for _, p := range []document.Protocol{document.UDP, document.TCP} {
		name := "dns." + string(p)
		services = append(services, name)
		port := document.PortRange{First: document.PortDNS, Last: document.PortDNS}
		d.Services = append(slices.Clip(d.Services), document.Service{
			Name: name, Protocol: p, Ports: []document.PortRange{port},
		})
	}
	var policies []document.Policy
	for i, l := range d.DNS.Listeners {
		name := fmt.Sprintf("dns.%d", i)
		clients := document.Address{Name: name + ".clients"}
		for _, p := range l.Clients {
			clients.Members = append(clients.Members, document.BlockOf(p))
		}
		address := document.Address{Name: name + ".address", Members: []document.Block{{First: l.Address, Last: l.Address}}}
		d.Addresses = append(slices.Clip(d.Addresses), clients, address)
		policies = append(policies, document.Policy{
			Name: name, From: []string{zoneOf(d, l.Interface)}, To: []string{zoneFirewall}, Source: []string{clients.Name},
			Destination: []string{address.Name}, Services: services, Action: document.Accept,
		})
	}
	d.Policies = append(policies, d.Policies...)
	return d
}

// zoneOf returns the name of the zone of an interface.
func zoneOf(d document.Document, name string) string {
	i := slices.IndexFunc(d.Zones, func(z document.Zone) bool { return slices.Contains(z.Interfaces, name) })
	if i < 0 {
		return "" // The document was validated.
	}
	return d.Zones[i].Name
}
