package document_test

import (
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// routers is a valid dynamic of the pair in networks.
const routers = `{routerID: 203.0.113.1, ` +
	`ospf: {areas: [{id: 0.0.0.0, interfaces: [{name: wan}]}, {id: 0.0.0.1, interfaces: [{name: lan}]}]}, ` +
	`rip: {interfaces: [{name: lan}]}, ` +
	`bgp: {asn: 65001, neighbours: [{address: 203.0.113.9, localAddress: 203.0.113.1, asn: 65002}]}, ` +
	`raw: "router ospf\n max-metric router-lsa administrative\n"}`

func TestDynamicRouting(t *testing.T) {
	const at = "spec.routing.dynamic."
	const areas, neighbour = at + "ospf.areas", at + "bgp.neighbours[0]."
	change := func(old, changed string) string { return strings.Replace(routers, old, changed, 1) }
	add := func(field string) string { return change("asn: 65002", "asn: 65002, "+field) }
	for name, c := range map[string]struct{ dynamic, want string }{
		"every protocol": {change("rip:", "ospfv3: {areas: [{id: 0.0.0.0, interfaces: [{name: wan}]}]}, ripng: "+
			"{interfaces: [{name: wan, passive: true}]}, rip:"), ""},
		"every field of a neighbour": {
			add("passwordKey: bgp, hops: 2, holdSeconds: 3, accept: [0.0.0.0/0], announce: [192.168.50.0/24]"), "",
		},
		"nothing": {"{}", ""},
		"no protocol": {
			"{routerID: 203.0.113.1}",
			"spec.routing.dynamic: at least one of ospf, ospfv3, rip",
		},
		"raw alone": {
			"{raw: router bgp 65001}",
			"spec.routing.dynamic: at least one of ospf, ospfv3, rip",
		},
		"RIP without an ID": {"{rip: {interfaces: [{name: lan}]}}", ""},
		"OSPF without an ID": {
			change("routerID: 203.0.113.1, ", ""),
			at + "routerID: ospf, ospfv3 and bgp need one",
		},
		"an ID of IPv6": {
			change("routerID: 203.0.113.1", `routerID: "::1"`),
			at + "routerID: ::1 must have the form",
		},
		"no ID": {
			change("routerID: 203.0.113.1", "routerID: 0.0.0.0"),
			at + "routerID: 0.0.0.0 must",
		},
		"the ID of a neighbour": {
			change("routerID: 203.0.113.1", "routerID: 203.0.113.9"),
			neighbour + "address: 203.0.113.9 is the routerID",
		},
		"two areas of one ID": {
			change("id: 0.0.0.1", "id: 0.0.0.0"),
			areas + "[1].id: entry 0 has the area 0.0.0.0 already",
		},
		"an area of IPv6": {change("id: 0.0.0.1", `id: "::1"`), areas + "[1].id: ::1 must have the form"},
		"a backbone without routes": {
			change("id: 0.0.0.0,", "id: 0.0.0.0, type: Stub,"), areas + "[0].type: the backbone is a Normal area",
		},
		"an unknown interface": {
			change("name: wan", "name: dmz"),
			areas + `[0].interfaces[0].name: unknown interface "dmz"; those of the zones are: lan, wan`,
		},
		"the pod's interface": {
			change("name: wan", "name: eth0"),
			areas + `[0].interfaces[0].name: unknown interface "eth0"`,
		},
		"tunnels": {
			change("name: wan", "name: ipsec0"),
			areas + `[0].interfaces[0].name: routers are not reached by tunnels`,
		},
		"an interface in two areas": {
			change("name: lan", "name: wan"),
			areas + `[1].interfaces[0].name: interface "wan" is ` + areas + `[0].interfaces[0].name already`,
		},
		"a short life": {
			change("name: wan", "name: wan, deadSeconds: 10"),
			areas + "[0].interfaces[0].deadSeconds: must be longer than helloSeconds, which is 10",
		},
		"a long pause": {
			change("name: wan", "name: wan, helloSeconds: 20000"),
			areas + "[0].interfaces[0].deadSeconds: must be set with so large",
		},
		"a path as a key": {
			change("name: wan", "name: wan, authentication: {key: ../a}"),
			areas + `[0].interfaces[0].authentication.key: "../a" is not the name`,
		},
		"no key": {
			change("name: wan", "name: wan, authentication: {id: 3}"),
			areas + "[0].interfaces[0].authentication.key: must be set",
		},
		"BGP without neighbours": {
			change("neighbours: [{address: 203.0.113.9, localAddress: 203.0.113.1, asn: 65002}]", "networks: [10.0.0.0/8]"),
			at + "bgp.neighbours: must be set",
		},
		"BGP without a system": {change("asn: 65001, ", ""), at + "bgp.asn: must be set"},
		"system 0": {
			change("asn: 65001", "asn: 0"),
			at + "bgp.asn: must be a whole number from 1",
		},
		"the last system": {
			change("asn: 65002", "asn: 4294967295"),
			neighbour + "asn: must be at most 4294967294",
		},
		"a name of a neighbour": {
			change("address: 203.0.113.9", "address: router"),
			neighbour + `address: "router" is not`,
		},
		"a link-local neighbour": {
			change("address: 203.0.113.9", `address: "fe80::9"`),
			neighbour + "address: fe80::9 is not a unicast address",
		},
		"the pair as its neighbour": {
			change("address: 203.0.113.9", "address: 192.168.50.1"),
			neighbour + "address: 192.168.50.1 is a virtual address",
		},
		"an address of one unit": {
			change("localAddress: 203.0.113.1", "localAddress: 203.0.113.2"),
			neighbour + "localAddress: 203.0.113.2 is not a virtual address",
		},
		"both families": {
			change("localAddress: 203.0.113.1", `localAddress: "2001:db8:113::1"`),
			neighbour + "localAddress: 2001:db8:113::1 must be of the same family",
		},
		"hops inside a system": {
			strings.Replace(add("hops: 2"), "65002", "65001", 1),
			neighbour + "hops: is for neighbours in other",
		},
		"a short hold": {add("holdSeconds: 2"), neighbour + "holdSeconds: must be at least 3"},
		"a filter of IPv6": {
			add(`accept: ["::/0"]`),
			neighbour + "accept[0]: ::/0 is IPv6 and the neighbour is IPv4",
		},
		"a filter with host bits": {add("announce: [10.0.0.1/8]"), neighbour + "announce[0]:"},
		"an escape in raw": {
			change("router ospf", `\u0007`),
			at + "raw: line 1 has a character that is not printable",
		},
		"a program's log in raw": {
			change("router ospf", "debug ospf event\\nlog file /run/a"),
			at + `raw: line 2: the command "log" is not about routing`,
		},
		"a short form": {change("router ospf", "no passw a"), at + `raw: line 1: the command "passw" is not about routing`},
		"the pod's interface in raw": {
			change("router ospf", "int eth0\\n shutdown"),
			at + `raw: unknown interface "eth0"`,
		},
		"a long raw": {
			change("router ospf", strings.Repeat("a", 32769)),
			at + "raw: has 32808 bytes, at most 32768 are allowed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := document.Parse([]byte("apiVersion: hapair.io/v1alpha1\nkind: FirewallConfiguration\nspec:\n" +
				"  zones: [{name: lan, interfaces: [lan]}, {name: wan, interfaces: [wan]}]\n" +
				"  routing: {dynamic: " + c.dynamic + "}\n"))
			if err == nil {
				err = d.ValidateFor(networks)
			}
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
