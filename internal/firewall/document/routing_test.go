package document_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// Each case changes one place of the full example, and has the exact report that is expected.
func TestParseReportsWrongRoutes(t *testing.T) {
	const static, policy = "spec.routing.routes", "spec.routing.policyRoutes"
	cases := []struct{ old, changed, want string }{
		{
			"- name: internet\n", "- name: internet6\n",
			static + `[1].name: "internet6" is the name of entry 0 already; choose another`,
		},
		{
			"to: 10.20.0.0/16", "to: 10.20.0.1/16",
			static + `[2].to: "10.20.0.1/16" has bits set beyond its length; write 10.20.0.0/16 for the network or ` +
				`10.20.0.1/32 for the address`,
		},
		{
			"to: 10.20.0.0/16", "to: 10.20.0.0",
			static + `[2].to: "10.20.0.0" is not a prefix; write one, as in 10.20.0.0/16 or 2001:db8:20::/48`,
		},
		{
			"to: 10.20.0.0/16", "to: 224.0.0.0/4",
			static + `[2].to: 224.0.0.0/4 is in 224.0.0.0/4, whose packets are never forwarded; give another ` +
				`destination`,
		},
		{
			"to: 10.20.0.0/16", "to: 127.0.0.1/32",
			static + `[2].to: 127.0.0.1/32 is in 127.0.0.0/8, whose packets are never forwarded; give another ` +
				`destination`,
		},
		{
			"to: 10.0.0.0/8", "to: 0.0.0.0/0",
			static + `[4].to: entry 0 has the destination 0.0.0.0/0 with metric 100 already; keep one of them, or ` +
				`give them different metrics`,
		},
		{
			"to: 10.0.0.0/8", "to: 10.20.0.0/16\n      metric: 10",
			static + `[4].to: entry 2 has the destination 10.20.0.0/16 with metric 10 already; keep one of them, or ` +
				`give them different metrics`,
		},
		{
			"via: 192.168.50.254", `via: "fd50::254"`,
			static + `[2].via: fd50::254 is IPv6 and to is IPv4; both must be of one family`,
		},
		{
			"via: 192.168.50.254", "via: 224.0.0.1",
			static + `[2].via: 224.0.0.1 is not a router's address; give a unicast address that is neither loopback ` +
				`nor unspecified`,
		},
		{
			"via: 192.168.50.254", "via: 127.0.0.1",
			static + `[2].via: 127.0.0.1 is not a router's address; give a unicast address that is neither loopback ` +
				`nor unspecified`,
		},
		{
			"via: 192.168.50.254", "via: 0.0.0.0",
			static + `[2].via: 0.0.0.0 is not a router's address; give a unicast address that is neither loopback nor ` +
				`unspecified`,
		},
		{
			"via: 192.168.50.254", "via: 255.255.255.255",
			static + `[2].via: 255.255.255.255 is not a router's address; give a unicast address that is neither ` +
				`loopback nor unspecified`,
		},
		{
			"via: fe80::fe\n      interface: wan", "via: fe80::fe",
			static + `[1].interface: must be set, since fe80::fe is link-local and may be on each link`,
		},
		{
			"via: fe80::fe", `via: "::1"`,
			static + `[1].via: ::1 is not a router's address; give a unicast address that is neither loopback nor ` +
				`unspecified`,
		},
		{
			"to: 198.51.100.7/32", "to: 198.51.100.7/32\n      via: 198.51.100.7",
			static + `[3].via: 198.51.100.7 is the destination itself, so that the route would lead to itself; remove ` +
				`via and name the interface whose link it is on`,
		},
		{
			"interface: lan", "interface: dmz",
			static + `[2].interface: unknown interface "dmz"; those of the zones are: lan, wan`,
		},
		{
			"interface: lan", "interface: eth0",
			static + `[2].interface: unknown interface "eth0"; those of the zones are: lan, wan`,
		},
		{
			"metric: 10", "metric: 0",
			static + `[2].metric: must be a whole number from 1 to 65535 and is 0`,
		},
		{
			"type: Blackhole", "type: Blackhole\n      via: 203.0.113.254",
			static + `[4].via: is used with type Unicast only; remove it, or the type`,
		},
		{
			"type: Blackhole", "type: Unreachable\n      interface: wan",
			static + `[4].interface: is used with type Unicast only; remove it, or the type`,
		},
		{
			"      type: Blackhole\n", "",
			static + `[4]: via or interface must be set: the next hop, or the interface on whose link the destination ` +
				`is`,
		},
		{
			"type: Blackhole", "type: Drop",
			static + `[4].type: unknown value "Drop"; known are: Unicast, Blackhole, Unreachable`,
		},
		{
			"- name: printers\n      from: [lan]", "- name: printers\n      from: [dmz]",
			policy + `[1].from[0]: unknown zone "dmz"; defined are: lan, wan`,
		},
		{
			"- name: printers\n      from: [lan]", "- name: printers\n      from: [firewall]",
			policy + `[1].from[0]: what the unit itself sends follows the static routes; take "firewall" out`,
		},
		{
			"via: 198.51.100.7", `via: "2001:db8::7"`,
			policy + `[1].source: has only IPv4 addresses and via is IPv6, so that nothing can match; name an object ` +
				`of that family`,
		},
		{
			"via: 198.51.100.7", "type: Exempt\n      interface: wan",
			policy + `[1].interface: is used with type Unicast only; remove it, or the type`,
		},
		{
			"source: [printers]\n      via", "source: [printer]\n      via",
			policy + `[1].source[0]: unknown address object "printer"; defined are: lan-net, printers, web-server`,
		},
		{
			"      via: 198.51.100.7\n", "",
			policy + `[1]: via or interface must be set: the next hop, or the interface on whose link the destination ` +
				`is`,
		},
	}
	for _, c := range cases {
		t.Run(c.changed, func(t *testing.T) {
			data := strings.Replace(string(full(t)), c.old, c.changed, 1)
			if data == string(full(t)) {
				t.Fatalf("%q is not in the example", c.old)
			}
			_, err := document.Parse([]byte(data))
			if err == nil {
				t.Fatalf("accepted, want %s", c.want)
			}
			if first, _, _ := strings.Cut(err.Error(), "\n"); first != c.want {
				t.Errorf("got:\n%v\nwant:\n%s", err, c.want)
			}
		})
	}
}

// staticRoute returns a route with a next hop, an interface, or both.
func staticRoute(to, via, name string) document.Route {
	r := document.Route{Name: "to-" + strings.NewReplacer("/", "-", ".", "-", ":", "-").Replace(to), Interface: name}
	r.To = netip.MustParsePrefix(to)
	if via != "" {
		r.Via = netip.MustParseAddr(via)
	}
	return r
}

// unreached returns the message about a next hop that is no neighbour.
func unreached(via netip.Addr, why string) string {
	return fmt.Sprintf("spec.routing.routes[0].via: %s %s, so that it cannot be reached; give a next hop that is a "+
		"neighbour, or add a route to %s that has an interface and no next hop", via, why,
		netip.PrefixFrom(via, via.BitLen()))
}

const (
	onNone   = "is on no network of the pair"
	onlySelf = " and only in the destination of the route itself"
)

func onOther(name string) string { return "is not on the network of interface \"" + name + "\"" }

func TestValidateAcceptsNextHopsOnTheNetworksOfThePair(t *testing.T) {
	for name, c := range map[string]struct {
		wan    string
		routes []document.Route
	}{
		"on link":                {"203.0.113.1/24", []document.Route{staticRoute("0.0.0.0/0", "203.0.113.254", "")}},
		"on the named link":      {"203.0.113.1/24", []document.Route{staticRoute("0.0.0.0/0", "203.0.113.254", "wan")}},
		"IPv6":                   {"2001:db8::1/64", []document.Route{staticRoute("::/0", "2001:db8::fe", "")}},
		"link-local":             {"203.0.113.1/24", []document.Route{staticRoute("::/0", "fe80::1", "wan")}},
		"in its own destination": {"203.0.113.1/24", []document.Route{staticRoute("203.0.0.0/16", "203.0.113.254", "")}},
		"the other end of a /31": {"198.51.100.1/31", []document.Route{staticRoute("0.0.0.0/0", "198.51.100.0", "")}},
		"unknown addresses":      {"", []document.Route{staticRoute("0.0.0.0/0", "198.51.100.1", "")}},
		"to a part of a network": {"203.0.113.1/24", []document.Route{staticRoute("203.0.113.128/25", "192.168.50.9", "")}},
		"behind a route with an interface": {"203.0.113.1/32", []document.Route{
			staticRoute("0.0.0.0/0", "198.51.100.7", ""), staticRoute("198.51.100.7/32", "", "wan"),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			d := parse(t, full(t))
			d.Routing = document.Routing{Routes: c.routes}
			if err := d.Validate(withWAN(c.wan)); err != nil {
				t.Error(err)
			}
		})
	}
}

// withWAN returns networks whose second one has the address, or none.
func withWAN(address string) []document.Network {
	wan := document.Network{Name: "wan"}
	if address != "" {
		wan.Addresses = []netip.Prefix{netip.MustParsePrefix(address)}
	}
	return []document.Network{networks[0], wan}
}

func TestValidateRefusesNextHopsThatAreNoNeighbours(t *testing.T) {
	const via, to = "spec.routing.routes[0].via: ", "spec.routing.routes[0].to: "
	far, far6 := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("2001:db8:7::1")
	cases := map[string]struct {
		route, other document.Route
		dmz          string
		want         string
	}{
		"not on link": {route: staticRoute("0.0.0.0/0", "198.51.100.7", ""), want: unreached(far, onNone)},
		"on another link": {
			route: staticRoute("0.0.0.0/0", "203.0.113.254", "lan"),
			want:  unreached(netip.MustParseAddr("203.0.113.254"), onOther("lan")),
		},
		"only by itself": {
			route: staticRoute("198.51.100.0/24", "198.51.100.7", ""), want: unreached(far, onNone+onlySelf),
		},
		"only by itself, IPv6": {
			route: staticRoute("2001:db8:7::/48", "2001:db8:7::1", "wan"), want: unreached(far6, onOther("wan")+onlySelf),
		},
		"only by another route with a next hop": {
			route: staticRoute("10.1.0.0/16", "198.51.100.7", ""),
			other: staticRoute("198.51.100.0/24", "203.0.113.254", ""), want: unreached(far, onNone),
		},
		"only by a default route with an interface": {
			route: staticRoute("10.0.0.0/8", "198.51.100.7", ""), other: staticRoute("0.0.0.0/0", "", "wan"),
			want: unreached(far, onNone),
		},
		"the pair itself": {
			route: staticRoute("0.0.0.0/0", "192.168.50.1", ""), want: via + "192.168.50.1 is a virtual address of the pair " +
				"itself, so that packets would go in a circle; give the address of another router",
		},
		"the broadcast address": {
			route: staticRoute("0.0.0.0/0", "203.0.113.255", ""), want: via + "203.0.113.255 is the address or the broadcast " +
				"address of its network, which no router has; give the address of a router",
		},
		"the network's address": {
			route: staticRoute("0.0.0.0/0", "203.0.113.0", "wan"), want: via + "203.0.113.0 is the address or the broadcast " +
				"address of its network, which no router has; give the address of a router",
		},
		"on several links": {
			route: staticRoute("0.0.0.0/0", "203.0.113.254", ""), dmz: "203.0.113.2/24",
			want: via + "203.0.113.254 is on several networks: wan, dmz; name the interface",
		},
		"to a network of the pair": {
			route: staticRoute("203.0.113.0/24", "192.168.50.9", ""),
			want: to + "203.0.113.0/24 is network \"wan\" of the pair " +
				"itself, which needs no route; remove the entry",
		},
		"to a virtual address": {
			route: staticRoute("203.0.113.1/32", "192.168.50.9", ""), want: to + "203.0.113.1 is a virtual address of network " +
				"\"wan\", which needs no route; remove the entry",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			d := parse(t, full(t))
			d.Routing = document.Routing{Routes: []document.Route{c.route}}
			if c.other.Name != "" {
				d.Routing.Routes = append(d.Routing.Routes, c.other)
			}
			of := withWAN("203.0.113.1/24")
			if c.dmz != "" {
				d.Zones[0].Interfaces = append(d.Zones[0].Interfaces, "dmz")
				of = append(of, document.Network{Name: "dmz", Addresses: []netip.Prefix{netip.MustParsePrefix(c.dmz)}})
			}
			for what, validate := range map[string]func([]document.Network) error{
				"Validate": d.Validate, "ValidateFor": d.ValidateFor,
			} {
				if err := validate(of); err == nil || err.Error() != c.want {
					t.Errorf("%s:\n%v\nwant:\n%s", what, err, c.want)
				}
			}
			if err := d.Validate(nil); err != nil {
				t.Errorf("refused without networks: %v", err)
			}
		})
	}
}

func TestValidateComparesPolicyRoutesWithTheNetworksOfThePair(t *testing.T) {
	d := parse(t, full(t))
	if err := d.Validate(networks); err != nil {
		t.Errorf("refused: %v", err)
	}
	d.Routing.PolicyRoutes[1].Via = netip.MustParseAddr("198.51.100.8")
	want := "spec.routing.policyRoutes[1].via: 198.51.100.8 is on no network of the pair, so that it cannot be reached; " +
		"give a next hop that is a neighbour, or add a route to 198.51.100.8/32 that has an interface and no next hop"
	if err := d.Validate(networks); err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestRoutingIsBounded(t *testing.T) {
	d := parse(t, full(t))
	d.Routing.Routes = nil
	for i := range 4097 {
		d.Routing.Routes = append(d.Routing.Routes, document.Route{
			Name: fmt.Sprintf("r%d", i), Interface: "wan",
			To: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i)}), 24),
		})
	}
	const tooMany = "spec.routing.routes: has 4097 entries, at most 4096 are allowed"
	if err := d.Validate(nil); err == nil || err.Error() != tooMany {
		t.Errorf("got %v, want a bound on the routes", err)
	}
	d.Routing.Routes = nil
	members := document.Address{Name: "many"}
	for i := range 1025 {
		a := netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1})
		members.Members = append(members.Members, document.Block{First: a, Last: a})
	}
	d.Addresses = append(d.Addresses, members)
	d.Routing.PolicyRoutes = []document.PolicyRoute{{
		Name: "p", From: []string{"lan"}, Source: []string{"many"}, Interface: "wan",
	}}
	err := d.Validate(nil)
	const tooManyRules = "spec.routing.policyRoutes: come to 1025 rules, at most 1024 are allowed"
	if err == nil || !strings.HasPrefix(err.Error(), tooManyRules) {
		t.Errorf("got %v, want a bound on the rules", err)
	}
}

// The prefixes of a block cover exactly its addresses, without overlaps.
func TestPrefixesOfABlock(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := blocks().Draw(t, "block")
		next := b.First
		for i, p := range b.Prefixes() {
			if p.Masked() != p || p.Addr() != next {
				t.Fatalf("prefix %d of %v is %v, want one from %v", i, b, p, next)
			}
			whole, err := document.ParseBlock(p.String())
			if err != nil {
				t.Fatal(err)
			}
			if whole.Last == b.Last {
				return
			}
			next = whole.Last.Next()
		}
		t.Fatalf("the prefixes of %v end before it", b)
	})
}
