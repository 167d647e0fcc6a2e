package document_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestDHCP(t *testing.T) {
	const (
		lan   = "interface: lan, subnet: 192.168.50.0/24, address: 192.168.50.1"
		at    = "spec.dhcp.networks[0]"
		plain = lan + ", ranges: [192.168.50.100-192.168.50.199]"
		relay = "interface: lan, subnet: 192.168.60.0/24, address: 192.168.50.1, relays: [192.168.60.1], " +
			"ranges: [192.168.60.16/28]"
	)
	reservation := func(text string) string { return plain + ", reservations: [{" + text + "}]" }
	options := func(text string) string { return plain + ", options: {" + text + "}" }
	for name, c := range map[string]struct{ network, want string }{
		"a range":      {plain, ""},
		"a prefix":     {lan + ", ranges: [192.168.50.128/26]", ""},
		"reservations": {lan + `, reservations: [{mac: "02:00:5e:10:00:77", address: 192.168.50.20, hostname: a-1}]`, ""},
		"in a range":   {reservation(`mac: "02:00:5e:10:00:77", address: 192.168.50.120`), ""},
		"relays":       {relay, ""},
		"all options": {options("routers: [192.168.50.254], dnsServers: [192.0.2.53], domain: example.com, " +
			"ntpServers: [192.0.2.123], mtu: 1400, captivePortal: 'https://portal.example.com/api', " +
			"classlessRoutes: [{to: 10.20.0.0/16, via: 192.168.50.254}, {to: 0.0.0.0/0, via: 192.168.50.1}]"), ""},
		"the longest lease": {plain + ", leaseSeconds: 2592000", ""},

		"an unknown interface": {
			strings.Replace(plain, "lan", "dmz", 1), at + `.interface: unknown interface "dmz"`,
		},
		"no address to give": {lan, at + ".ranges: must be set"},
		"IPv6": {
			`interface: lan, subnet: "2001:db8::/64", address: 192.168.50.1, ranges: [192.168.50.100]`,
			at + ".subnet: 2001:db8::/64 is not an IPv4 prefix",
		},
		"a subnet of two": {
			"interface: lan, subnet: 192.168.50.0/31, address: 192.168.50.1, ranges: [192.168.50.0]",
			at + ".subnet: 192.168.50.0/31 is not an IPv4 prefix of at most 30 bits",
		},
		"a short lease":  {plain + ", leaseSeconds: 59", at + ".leaseSeconds: must be from 60 to 2592000"},
		"a long lease":   {plain + ", leaseSeconds: 2592001", at + ".leaseSeconds: must be from"},
		"no lease":       {plain + ", leaseSeconds: 0", at + ".leaseSeconds: must be a whole number from 1"},
		"another server": {strings.Replace(plain, ".1,", ".2,", 1), at + ".address: 192.168.50.2 is not a virtual address"},
		"a server outside": {
			strings.Replace(plain, "192.168.50.1,", "203.0.113.1,", 1), at + ".address: 203.0.113.1 is not in the subnet",
		},
		"another prefix length": {
			"interface: lan, subnet: 192.168.50.0/25, address: 192.168.50.1, ranges: [192.168.50.100]",
			at + `.address: 192.168.50.1 has the prefix length 24 in network "lan", and subnet has 25`,
		},
		"a range outside": {lan + ", ranges: [192.168.51.10]", at + ".ranges[0]: 192.168.51.10 is not in the subnet"},
		"a range of IPv6": {lan + `, ranges: ["2001:db8::1"]`, at + ".ranges[0]: must be IPv4 addresses"},
		"the virtual address": {
			lan + ", ranges: [192.168.50.1-192.168.50.9]", at + ".ranges[0]: 192.168.50.1-192.168.50.9 has 192.168.50.1",
		},
		"the network's address": {
			lan + ", ranges: [192.168.50.2, 192.168.50.0]", at + ".ranges[1]: 192.168.50.0 has 192.168.50.0",
		},
		"the broadcast address": {
			lan + ", ranges: [192.168.50.250-192.168.50.255]",
			at + ".ranges[0]: 192.168.50.250-192.168.50.255 has 192.168.50.255",
		},
		"overlapping ranges": {
			lan + ", ranges: [192.168.50.100-192.168.50.199, 192.168.50.199]",
			at + ".ranges[1]: 192.168.50.199 overlaps with 192.168.50.100-192.168.50.199 in " + at + ".ranges[0]",
		},
		"a range within another": {
			lan + ", ranges: [192.168.50.100-192.168.50.199, 192.168.50.110, 192.168.50.120]",
			at + ".ranges[2]: 192.168.50.120 overlaps",
		},
		"a reservation outside": {
			reservation(`mac: "02:00:5e:10:00:77", address: 192.168.60.20`),
			at + ".reservations[0].address: 192.168.60.20 is not in the subnet",
		},
		"a reservation of the virtual address": {
			reservation(`mac: "02:00:5e:10:00:77", address: 192.168.50.1`), at + ".reservations[0].address: 192.168.50.1 has",
		},
		"a group's MAC": {
			reservation(`mac: "01:00:5e:10:00:77", address: 192.168.50.20`), at + ".reservations[0].mac: ",
		},
		"two addresses for a host": {
			reservation(`mac: "02:00:5e:10:00:ab", address: 192.168.50.20}, {mac: "02:00:5E:10:00:AB", address: 192.168.50.21`),
			at + ".reservations[1].mac: entry 0 has an address for 02:00:5E:10:00:AB already",
		},
		"two hosts for an address": {
			reservation(`mac: "02:00:5e:10:00:01", address: 192.168.50.20}, {mac: "02:00:5e:10:00:02", address: 192.168.50.20`),
			at + ".reservations[1].address: 192.168.50.20 overlaps",
		},
		"a bad name": {
			reservation(`mac: "02:00:5e:10:00:01", address: 192.168.50.20, hostname: a.b`), at + ".reservations[0].hostname: ",
		},
		"a relay outside": {
			strings.Replace(relay, "[192.168.60.1]", "[192.168.61.1]", 1), at + ".relays[0]: 192.168.61.1 is not in the subnet",
		},
		"a range with the relay": {
			strings.Replace(relay, "16/28", "0-192.168.60.9", 1), at + ".ranges[0]: 192.168.60.0-192.168.60.9 has 192.168.60.0",
		},
		"a router outside":  {options("routers: [192.168.60.1]"), at + ".options.routers[0]: 192.168.60.1 is not in the"},
		"a router in range": {options("routers: [192.168.50.150]"), at + ".ranges[0]: 192.168.50.100-192.168.50.199 has"},
		"a server of IPv6":  {options(`dnsServers: ["2001:db8::53"]`), at + ".options.dnsServers[0]: 2001:db8::53 is not"},
		"a group of servers": {
			options("ntpServers: [192.0.2.1, 224.0.1.1]"), at + ".options.ntpServers[1]: 224.0.1.1 is not",
		},
		"too many servers": {
			options("dnsServers: [192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5]"),
			at + ".options.dnsServers: has 5 entries, at most 4",
		},
		"a domain with a dot": {options("domain: example.com."), at + `.options.domain: "example.com." is not`},
		"a small MTU":         {options("mtu: 575"), at + ".options.mtu: must be at least 576"},
		"a portal in clear":   {options("captivePortal: 'http://a'"), at + `.options.captivePortal: "http://a" is not`},
		"a route of IPv6": {
			options(`classlessRoutes: [{to: "2001:db8::/32", via: 192.168.50.254}]`), at + ".options.classlessRoutes[0].to: ",
		},
		"a route by a far router": {
			options("classlessRoutes: [{to: 10.20.0.0/16, via: 192.168.60.1}]"), at + ".options.classlessRoutes[0].via: ",
		},
		"a route twice": {
			options("classlessRoutes: [{to: 10.2.0.0/16, via: 192.168.50.3}, {to: 10.2.0.0/16, via: 192.168.50.4}]"),
			at + ".options.classlessRoutes[1].to: entry 0 has a route to 10.2.0.0/16 already",
		},
		"two entries of a network": {
			plain + "}, {" + plain, "spec.dhcp.networks[1].subnet: 192.168.50.0/24 overlaps with 192.168.50.0/24 of entry 0",
		},
		"too many addresses": {
			"interface: lan, subnet: 10.0.0.0/8, address: 192.168.50.1, relays: [10.255.0.1], ranges: [10.0.0.1-10.0.128.1]",
			"spec.dhcp.networks: have 32769 addresses in ranges and reservations, at most 32768 are allowed",
		},
	} {
		t.Run(name, func(t *testing.T) { checkField(t, fmt.Sprintf("dhcp: {networks: [{%s}]}", c.network), c.want) })
	}
}
