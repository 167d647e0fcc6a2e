package document_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"testing"

	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// Any valid document survives being written as JSON or YAML and read back.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := documents().Draw(t, "document")
		asYAML, err := yaml.JSONToYAML(d.JSON())
		if err != nil {
			t.Fatal(err)
		}
		for _, data := range [][]byte{d.JSON(), asYAML} {
			got, err := document.Parse(data)
			if err != nil {
				t.Fatalf("refused: %v\n%s", err, data)
			}
			if !reflect.DeepEqual(got, d) {
				t.Fatalf("read %+v, wrote %+v:\n%s", got, d, data)
			}
		}
	})
}

func documents() *rapid.Generator[document.Document] {
	return rapid.Custom(func(t *rapid.T) document.Document {
		d := document.Document{}
		for i := range rapid.IntRange(1, 4).Draw(t, "zones") {
			zone := document.Zone{Name: fmt.Sprintf("zone%d", i), Interfaces: []string{fmt.Sprintf("if%d", i)}}
			d.Zones = append(d.Zones, zone)
		}
		for i := range rapid.IntRange(1, 4).Draw(t, "addresses") {
			members := rapid.SliceOfNDistinct(blocks(), 1, 5, rapid.ID[document.Block]).Draw(t, "members")
			// Each object has both families, so that every policy can match.
			members = append(members, block("240.0.0.1"), block("2001:db8:ffff::1"))
			d.Addresses = append(d.Addresses, document.Address{Name: fmt.Sprintf("address%d", i), Members: members})
		}
		for i := range rapid.IntRange(1, 4).Draw(t, "services") {
			d.Services = append(d.Services, services(i).Draw(t, "service"))
		}
		for i := range rapid.IntRange(0, 5).Draw(t, "policies") {
			d.Policies = append(d.Policies, policies(d, i).Draw(t, "policy"))
		}
		if rapid.Bool().Draw(t, "nat") {
			d.SourceNAT = []document.SourceNAT{{
				Name: "out", To: "zone0", Source: some(t, addressNames(d)), Address: netip.MustParseAddr("203.0.113.1"),
			}}
		}
		if rapid.Bool().Draw(t, "routes") {
			d.Routing = routing(t, d)
		}
		if rapid.Bool().Draw(t, "neighbours") {
			d.Neighbours = []document.Neighbour{
				{Interface: "if0", Address: netip.MustParseAddr("192.0.2.77"), MAC: "02:00:5e:10:00:77"},
				{Interface: "if0", Address: netip.MustParseAddr("2001:db8::78"), Publish: true},
			}
		}
		if rapid.Bool().Draw(t, "multicast") && len(d.Zones) > 1 {
			d.Multicast = document.Multicast{
				Upstream: "if0", Downstream: []string{"if1"}, Groups: []netip.Prefix{netip.MustParsePrefix("239.0.0.0/8")},
			}
		}
		if rapid.Bool().Draw(t, "links") && len(d.Routing.Routes) == 0 {
			d.WAN = links(t)
		}
		if rapid.Bool().Draw(t, "dhcp") {
			d.DHCP.Networks = []document.DHCPNetwork{{
				Interface: "if0", Subnet: netip.MustParsePrefix("192.0.2.0/24"), Address: netip.MustParseAddr("192.0.2.1"),
				Ranges: []document.Block{block("192.0.2.64/26")}, LeaseSeconds: rapid.Uint32Range(60, 99).Draw(t, "lease"),
			}}
		}
		if rapid.Bool().Draw(t, "dhcpv6") {
			d.DHCPv6.Networks = []document.DHCPv6Network{{
				Interface: "if0", Address: netip.MustParseAddr("fe80::1"), SearchDomains: []string{"example.com"},
				RefreshSeconds: rapid.Uint32Range(600, 999).Draw(t, "refresh"),
			}}
		}
		if rapid.Bool().Draw(t, "router advertisements") {
			d.RouterAdvertisements.Networks = []document.AdvertisedNetwork{{
				Interface: "if0", Address: netip.MustParseAddr("fe80::1"), Managed: rapid.Bool().Draw(t, "managed"),
				IntervalSeconds: rapid.Uint16Range(4, 600).Draw(t, "interval"),
				Prefixes:        []document.AdvertisedPrefix{{Prefix: netip.MustParsePrefix("2001:db8:1::/64")}},
			}}
		}
		if rapid.Bool().Draw(t, "dns") {
			d.DNS = document.DNS{
				Listeners: []document.DNSListener{{
					Interface: "if0", Address: netip.MustParseAddr("192.0.2.1"),
					Clients: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
				}},
				Upstreams: []document.DNSUpstream{{
					Address: netip.MustParseAddr("198.51.100.53"), Port: rapid.Uint16Min(1).Draw(t, "port"),
				}},
				RandomCase: document.ChoiceEnabled,
				Cache:      document.DNSCache{Entries: rapid.Uint32Range(100, 999).Draw(t, "cache entries")},
			}
		}
		d.Logging.Dropped = rapid.Bool().Draw(t, "log dropped")
		return d
	})
}

func routing(t *rapid.T, d document.Document) document.Routing {
	r := document.Routing{Routes: []document.Route{
		{Name: "internet", To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr("203.0.113.254")},
		{Name: "unused", To: netip.MustParsePrefix("fc00::/7"), Type: document.RouteUnreachable},
	}}
	for i := range rapid.IntRange(0, 5).Draw(t, "static") {
		r.Routes = append(r.Routes, document.Route{
			Name: fmt.Sprintf("route%d", i), Interface: "if0", Metric: rapid.Uint16().Draw(t, "metric"),
			To: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i)}), 16),
		})
	}
	if rapid.Bool().Draw(t, "dynamic") {
		r.Dynamic = document.DynamicRouting{
			RouterID: netip.MustParseAddr("203.0.113.1"), Raw: "debug ospf event\n",
			OSPF: document.OSPF{AnnounceDefault: true, Areas: []document.OSPFArea{{
				ID: netip.MustParseAddr("0.0.0.0"), Interfaces: []document.OSPFInterface{{
					Name: "if0", Cost: rapid.Uint16().Draw(t, "cost"), Authentication: document.RoutingKey{Key: "ospf"},
				}},
			}}},
			BGP: document.BGP{
				ASN: rapid.Uint32Range(1, 4294967294).Draw(t, "asn"), Redistribute: []document.Redistribution{"Static"},
				Neighbours: []document.BGPNeighbour{{
					Address: netip.MustParseAddr("203.0.113.9"), LocalAddress: netip.MustParseAddr("203.0.113.2"), ASN: 65002,
					Accept: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")},
				}},
			},
		}
	}
	if rapid.Bool().Draw(t, "policy routes") {
		r.PolicyRoutes = []document.PolicyRoute{{
			Name: "exempt", From: []string{"zone0"}, Source: some(t, addressNames(d)), Type: document.PolicyRouteExempt,
		}}
	}
	return r
}

func blocks() *rapid.Generator[document.Block] {
	return rapid.Custom(func(t *rapid.T) document.Block {
		size := rapid.SampledFrom([]int{4, 16}).Draw(t, "size")
		a, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "address"))
		b, _ := netip.AddrFromSlice(rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "other"))
		switch {
		case a.Is4In6() || b.Is4In6():
			return block("2001:db8::/32")
		case rapid.Bool().Draw(t, "one"):
			return document.Block{First: a, Last: a}
		case rapid.Bool().Draw(t, "prefix"):
			prefix, _ := a.Prefix(rapid.IntRange(0, a.BitLen()).Draw(t, "bits"))
			return block(prefix.String())
		case b.Less(a):
			return document.Block{First: b, Last: a}
		default:
			return document.Block{First: a, Last: b}
		}
	})
}

func block(text string) document.Block {
	b, err := document.ParseBlock(text)
	if err != nil {
		panic(err)
	}
	return b
}

func services(i int) *rapid.Generator[document.Service] {
	return rapid.Custom(func(t *rapid.T) document.Service {
		protocols := []document.Protocol{
			document.TCP, document.UDP, document.SCTP, document.ICMP, document.ICMPv6, document.ESP,
		}
		s := document.Service{Name: fmt.Sprintf("service%d", i), Protocol: rapid.SampledFrom(protocols).Draw(t, "protocol")}
		if !s.Protocol.HasPorts() {
			return s
		}
		for j := range rapid.IntRange(0, 3).Draw(t, "ports") {
			first := uint16(1 + j*1000 + rapid.IntRange(0, 400).Draw(t, "first"))
			last := first + uint16(rapid.IntRange(0, 400).Draw(t, "more"))
			s.Ports = append(s.Ports, document.PortRange{First: first, Last: last})
		}
		if len(s.Ports) > 0 && s.Protocol != document.SCTP {
			helpers := []document.Helper{"", document.HelperSIP, document.HelperH323, document.HelperNone}
			s.Helper = rapid.SampledFrom(helpers).Draw(t, "helper")
		}
		return s
	})
}

func policies(d document.Document, i int) *rapid.Generator[document.Policy] {
	return rapid.Custom(func(t *rapid.T) document.Policy {
		var zones, services []string
		for _, z := range d.Zones {
			zones = append(zones, z.Name)
		}
		for _, s := range d.Services {
			services = append(services, s.Name)
		}
		from := append(some(t, zones[1:]), zones[0])
		return document.Policy{
			Name:        fmt.Sprintf("policy%d", i),
			From:        from,
			To:          append(some(t, zones), document.ZoneFirewall),
			Source:      some(t, addressNames(d)),
			Destination: some(t, addressNames(d)),
			Services:    some(t, services),
			Action:      rapid.SampledFrom([]document.Action{document.Accept, document.Drop, document.Reject}).Draw(t, "action"),
			Log:         rapid.Bool().Draw(t, "log"),
		}
	})
}

func addressNames(d document.Document) (names []string) {
	for _, a := range d.Addresses {
		names = append(names, a.Name)
	}
	return names
}

// some draws distinct names, possibly no name at all.
func some(t *rapid.T, names []string) []string {
	var chosen []string
	for _, name := range names {
		if rapid.Bool().Draw(t, "chosen") {
			chosen = append(chosen, name)
		}
	}
	return chosen
}

// links returns the links of a document without default routes.
func links(t *rapid.T) document.WAN {
	w := document.WAN{Distribution: rapid.SampledFrom([]document.Distribution{
		"", document.PerConnection, document.PerSource,
	}).Draw(t, "distribution")}
	for i := range rapid.IntRange(1, 8).Draw(t, "links") {
		gateway := netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)})
		w.Links = append(w.Links, document.WANLink{
			Name: fmt.Sprintf("link%d", i), Interface: "if0", Gateways: []netip.Addr{gateway},
			Weight: rapid.Uint16Range(0, 255).Draw(t, "weight"), Backup: rapid.Bool().Draw(t, "backup"),
			Monitors:         []document.WANMonitor{{Type: document.WANMonitorTCP, Host: gateway, Port: 53}, {Host: gateway}},
			FailureThreshold: rapid.Uint16Range(0, 100).Draw(t, "failures"),
		})
	}
	return w
}
