package document_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

func TestDNS(t *testing.T) {
	const (
		at       = "spec.dns"
		listener = "listeners: [{interface: lan, address: 192.168.50.1, clients: [192.168.50.0/24]}]"
		upstream = "upstreams: [{address: 192.0.2.53}]"
		plain    = listener + ", " + upstream
	)
	listens := func(text string) string { return upstream + ", listeners: [{" + text + "}]" }
	asks := func(text string) string { return listener + ", upstreams: [{" + text + "}]" }
	forwards := func(text string) string { return plain + ", forwarding: [{" + text + "}]" }
	knows := func(text string) string { return plain + ", records: [{" + text + "}]" }
	for name, c := range map[string]struct{ dns, want string }{
		"a listener": {plain, ""},
		"both families": {listens(
			`interface: lan, address: 192.168.50.1, clients: [10.0.0.0/8]}, ` +
				`{interface: lan, address: "fd50::1", clients: ["fc00::/7"]`), ""},
		"all fields of an upstream": {
			asks("address: 192.0.2.53, port: 5353, protocol: TCP, source: 203.0.113.1, timeoutMilliseconds: 50"), "",
		},
		"one upstream at two ports": {asks("address: 192.0.2.53}, {address: 192.0.2.53, port: 5353"), ""},
		"a domain of its own": {
			forwards("domains: [corp.example, 10.in-addr.arpa], upstreams: [{address: 10.9.9.53}]"), "",
		},
		"records": {knows(
			`name: nas.example.com, addresses: [192.168.50.20, "fd50::20"]}, {name: files, alias: nas.example.com`), ""},
		"the rest": {plain + ", localDomains: [lan.example], leaseNames: Disabled, randomCase: Enabled, " +
			"cache: {entries: 100, minSeconds: 3600, maxSeconds: 604800, negativeSeconds: 1}", ""},

		"no listeners": {upstream, at + ".listeners: must be set"},
		"no upstreams": {listener, at + ".upstreams: must be set"},
		"unknown network": {
			strings.Replace(plain, "lan,", "dmz,", 1), at + `.listeners[0].interface: unknown interface "dmz"`,
		},
		"another address": {
			strings.Replace(plain, "50.1,", "50.2,", 1), at + ".listeners[0].address: 192.168.50.2 is not a virtual",
		},
		"another's": {
			strings.Replace(plain, "192.168.50.1,", "203.0.113.1,", 1),
			at + ".listeners[0].address: 203.0.113.1 is not a virtual",
		},
		"link-local": {
			listens(`interface: lan, address: "fe80::1", clients: ["fd50::/64"]`),
			at + ".listeners[0].address: fe80::1 is not a unicast",
		},
		"an address twice": {
			listens("interface: lan, address: 192.168.50.1, clients: [192.168.50.0/24]}, " +
				"{interface: lan, address: 192.168.50.1, clients: [10.0.0.0/8]"),
			at + ".listeners[1].address: entry 0 listens at 192.168.50.1 already",
		},
		"no clients": {
			listens("interface: lan, address: 192.168.50.1"), at + ".listeners[0].clients: must be set",
		},
		"everyone": {
			listens("interface: lan, address: 192.168.50.1, clients: [0.0.0.0/0]"),
			at + ".listeners[0].clients[0]: 0.0.0.0/0 is not a network of yours",
		},
		"half of everyone": {
			listens(`interface: lan, address: "fd50::1", clients: ["fd50::/64", "2000::/3"]`),
			at + ".listeners[0].clients[1]: 2000::/3 is not a network of yours",
		},
		"another family": {
			listens(`interface: lan, address: 192.168.50.1, clients: ["fd50::/64"]`),
			at + ".listeners[0].clients[0]: fd50::/64 is of another address family",
		},

		"a loop by a listener": {
			asks("address: 192.168.50.1"), at + ".upstreams[0].address: 192.168.50.1 is an address of the pair itself",
		},
		"a loop by an address": {
			asks("address: 203.0.113.1"), at + ".upstreams[0].address: 203.0.113.1 is an address of the pair itself",
		},
		"a loop in a domain": {
			forwards(`domains: [a], upstreams: [{address: "fd50::1"}]`),
			at + ".forwarding[0].upstreams[0].address: fd50::1 is an address of the pair",
		},
		"itself": {
			asks("address: 127.0.0.1"), at + ".upstreams[0].address: 127.0.0.1 is not a unicast address",
		},
		"a group": {
			asks("address: 224.0.0.251"), at + ".upstreams[0].address: 224.0.0.251 is not a unicast address",
		},
		"an upstream twice": {
			asks("address: 192.0.2.53}, {address: 192.0.2.53, port: 53"),
			at + ".upstreams[1].address: entry 0 is 192.0.2.53:53 already",
		},
		"a short timeout": {
			asks("address: 192.0.2.53, timeoutMilliseconds: 49"),
			at + ".upstreams[0].timeoutMilliseconds: must be from 50 to 4000",
		},
		"a long timeout": {
			asks("address: 192.0.2.53, timeoutMilliseconds: 4001"),
			at + ".upstreams[0].timeoutMilliseconds: must be from 50 to 4000",
		},
		"another protocol": {
			asks("address: 192.0.2.53, protocol: TLS"), at + `.upstreams[0].protocol: unknown value "TLS"`,
		},
		"another source": {
			asks("address: 192.0.2.53, source: 203.0.113.2"),
			at + ".upstreams[0].source: 203.0.113.2 is not a virtual address",
		},
		"a source of IPv6": {
			asks(`address: 192.0.2.53, source: "fd50::1"`), at + ".upstreams[0].source: fd50::1 is of another address family",
		},
		"too many upstreams": {
			asks(strings.Repeat("address: 192.0.2.53}, {", 8) + "address: 192.0.2.53"),
			at + ".upstreams: has 9 entries, at most 8",
		},

		"a domain with a dot": {
			forwards("domains: [corp.example.], upstreams: [{address: 10.9.9.53}]"),
			at + `.forwarding[0].domains[0]: "corp.example." is not a DNS name`,
		},
		"a domain twice": {
			forwards("domains: [a], upstreams: [{address: 10.9.9.53}]}, {domains: [b, a], upstreams: [{address: 10.9.9.53}]"),
			at + `.forwarding[1].domains[1]: "a" is in spec.dns.forwarding[0].domains[0] already`,
		},
		"a local domain elsewhere": {
			forwards("domains: [a], upstreams: [{address: 10.9.9.53}]") + ", localDomains: [a]",
			at + `.localDomains[0]: "a" is in the domains of forwarding entry 0`,
		},
		"a local domain in capital": {
			plain + ", localDomains: [Lan]", at + `.localDomains[0]: "Lan" is not a DNS name`,
		},

		"a record without all": {knows("name: nas"), at + ".records[0].addresses: must be set, or alias"},
		"a record with both": {
			knows("name: nas, addresses: [192.168.50.20], alias: a"), at + ".records[0].alias: must not be set with addresses",
		},
		"a record twice": {
			knows("name: nas, alias: a}, {name: nas, alias: b"), at + `.records[1].name: entry 0 has "nas" already`,
		},
		"a wildcard": {
			knows(`name: "*.lan", alias: a`), at + `.records[0].name: "*.lan" is not a DNS name`,
		},
		"a record of nobody": {
			knows("name: nas, addresses: [255.255.255.255]"),
			at + ".records[0].addresses[0]: 255.255.255.255 is not the unicast",
		},
		"an alias of itself": {knows("name: a, alias: a"), at + `.records[0].alias: "a" leads back to "a"`},
		"aliases in a circle": {
			knows("name: c, alias: a}, {name: a, alias: b}, {name: b, alias: a"),
			at + `.records[1].alias: "b" leads back to "a"`,
		},
		"a cache without limits": {
			plain + ", cache: {entries: 99}", at + ".cache.entries: must be from 100 to 100000",
		},
		"a long minimum": {
			plain + ", cache: {minSeconds: 3601}", at + ".cache.minSeconds: must be from 1 to 3600",
		},
		"a crossed lifetime": {
			plain + ", cache: {minSeconds: 60, maxSeconds: 59}", at + ".cache.minSeconds: 60 is more than maxSeconds, 59",
		},
	} {
		t.Run(name, func(t *testing.T) {
			checkField(t, fmt.Sprintf("dns: {%s}", c.dns), c.want)
		})
	}
}

// What the document does not tell has a default.
func TestDNSDefaults(t *testing.T) {
	var u document.DNSUpstream
	if u.AddrPort().Port() != 53 || u.Timeout() != time.Second {
		t.Errorf("an upstream is asked at %s for %s", u.AddrPort(), u.Timeout())
	}
	var c document.DNSCache
	if c.Size() != 10000 || c.Min() != 0 || c.Max() != 24*time.Hour || c.Negative() != 15*time.Minute {
		t.Errorf("%d answers are kept from %s to %s, or %s", c.Size(), c.Min(), c.Max(), c.Negative())
	}
	if !(document.DNS{}).HasLeaseNames() {
		t.Error("names of leases must be asked for")
	}
}
