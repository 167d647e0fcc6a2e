package document_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

func TestRouterAdvertisements(t *testing.T) {
	const (
		at     = "spec.routerAdvertisements.networks[0]"
		router = `interface: lan, address: "fe80::1"`
		plain  = router + `, prefixes: [{prefix: "fd50::/64"}]`
	)
	prefix := func(text string) string { return router + ", prefixes: [{" + text + "}]" }
	for name, c := range map[string]struct{ network, want string }{
		"a prefix": {plain, ""},
		"a router": {router, ""},
		"all fields": {plain + ", defaultRouter: Disabled, preference: High, lifetimeSeconds: 9000, intervalSeconds: 1800, " +
			`managed: true, otherConfiguration: true, mtu: 1280, dnsServers: ["2001:db8::53", "fe80::1"], ` +
			"searchDomains: [example.com]", ""},
		"a short validity":     {prefix(`prefix: "fd50::/64", validSeconds: 60`), ""},
		"a prefix of any size": {prefix(`prefix: "fd50::/80", autonomous: Disabled`), ""},

		"an unknown interface": {
			strings.Replace(plain, "lan", "dmz", 1), at + `.interface: unknown interface "dmz"`,
		},
		"an interface twice": {
			plain + "}, {" + plain, "spec.routerAdvertisements.networks[1].interface: entry 0 advertises on \"lan\" already",
		},
		"another address": {
			strings.Replace(plain, "fe80::1", "fe80::2", 1), at + `.address: fe80::2 is not a virtual address of network "lan"`,
		},
		"a network without one": {
			`interface: wan, address: "fe80::1"`, at + `.address: fe80::1 is not a virtual address of network "wan"`,
		},
		"a global address": {
			strings.Replace(plain, "fe80::1", "fd50::1", 1), at + ".address: fd50::1 is not a link-local IPv6 address",
		},
		"IPv4": {`interface: lan, address: 169.254.0.1`, at + ".address: 169.254.0.1 is not a link-local IPv6 address"},
		"no interval": {
			router + ", intervalSeconds: 0", at + ".intervalSeconds: must be a whole number from 1",
		},
		"a short interval": {router + ", intervalSeconds: 3", at + ".intervalSeconds: must be from 4 to 1800"},
		"a long interval":  {router + ", intervalSeconds: 1801", at + ".intervalSeconds: must be from 4 to 1800"},
		"a short lifetime": {
			router + ", lifetimeSeconds: 599", at + ".lifetimeSeconds: must be from 600, the interval, to 9000",
		},
		"a long lifetime":  {router + ", lifetimeSeconds: 9001", at + ".lifetimeSeconds: must be from 600"},
		"a preference":     {router + ", preference: Highest", at + `.preference: unknown value "Highest"`},
		"a small MTU":      {router + ", mtu: 1279", at + ".mtu: must be at least 1280"},
		"a prefix of IPv4": {prefix("prefix: 192.168.50.0/24"), at + ".prefixes[0].prefix: 192.168.50.0/24 is not a prefix"},
		"a local prefix":   {prefix(`prefix: "fe80::/64"`), at + ".prefixes[0].prefix: fe80::/64 is not a prefix"},
		"a group":          {prefix(`prefix: "ff05::/64"`), at + ".prefixes[0].prefix: ff05::/64 is not a prefix"},
		"bits beyond":      {prefix(`prefix: "fd50::1/64"`), at + `.prefixes[0].prefix: "fd50::1/64" has bits set`},
		"a longer prefix":  {prefix(`prefix: "fd50::/80"`), at + ".prefixes[0].prefix: fd50::/80 has not 64 bits"},
		"another's prefix": {
			prefix(`prefix: "2001:db8:113::/64"`), at + ".prefixes[0].prefix: 2001:db8:113::/64 is not on the link of network",
		},
		"a prefix twice": {
			prefix(`prefix: "fd50::/64"}, {prefix: "fd50::/64"`), at + ".prefixes[1].prefix: entry 0 has fd50::/64 already",
		},
		"a short prefix": {
			prefix(`prefix: "fd50::/64", validSeconds: 59`), at + ".prefixes[0].validSeconds: must be from 60 to 31536000",
		},
		"preferred for longer": {
			prefix(`prefix: "fd50::/64", validSeconds: 600, preferredSeconds: 601`),
			at + ".prefixes[0].preferredSeconds: 601 is more than validSeconds, 600",
		},
		"a server of IPv4": {
			router + ", dnsServers: [192.0.2.53]", at + ".dnsServers[0]: 192.0.2.53 is not the IPv6 address",
		},
		"too many servers": {
			router + `, dnsServers: ["fd50::1", "fd50::2", "fd50::3", "fd50::4", "fd50::5"]`,
			at + ".dnsServers: has 5 entries, at most 4",
		},
		"a domain with a dot": {router + ", searchDomains: [example.com.]", at + `.searchDomains[0]: "example.com." is not`},
		"long domains": {
			router + fmt.Sprintf(", searchDomains: [a.%[1]s.%[1]s, b.%[1]s.%[1]s]", strings.Repeat("x", 60)),
			at + ".searchDomains: have 250 bytes together, with two more for each; at most 240 are allowed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			checkField(t, fmt.Sprintf("routerAdvertisements: {networks: [{%s}]}", c.network), c.want)
		})
	}
}

// What the document does not tell has the values of RFC 4861 and RFC 8106.
func TestAdvertisedDefaults(t *testing.T) {
	var n document.AdvertisedNetwork
	if n.Interval() != 600*time.Second || n.RouterLifetime() != 1800*time.Second || n.DNSLifetime() != 1800*time.Second {
		t.Errorf("interval %s, lifetimes %s and %s", n.Interval(), n.RouterLifetime(), n.DNSLifetime())
	}
	n.DefaultRouter = document.AdvertisedDisabled
	if n.RouterLifetime() != 0 {
		t.Errorf("no default router, for %s", n.RouterLifetime())
	}
	p := document.AdvertisedPrefix{}
	if !p.IsOnLink() || !p.IsAutonomous() || p.Valid() != 30*24*time.Hour || p.Preferred() != 7*24*time.Hour {
		t.Errorf("a prefix is valid for %s and preferred for %s", p.Valid(), p.Preferred())
	}
	p.ValidSeconds = 7200
	if p.Preferred() != 2*time.Hour {
		t.Errorf("a prefix of two hours is preferred for %s", p.Preferred())
	}
}
