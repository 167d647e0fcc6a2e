package document_test

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// networks are those that the example is written for.
var networks = []document.Network{
	{Name: "lan", Addresses: []netip.Prefix{
		netip.MustParsePrefix("192.168.50.1/24"), netip.MustParsePrefix("fd50::1/64"),
		netip.MustParsePrefix("fe80::1/64"),
	}},
	{Name: "wan", Addresses: []netip.Prefix{
		netip.MustParsePrefix("203.0.113.1/24"), netip.MustParsePrefix("2001:db8:113::1/64"),
	}},
}

// People copy the examples, so each whole configuration of a page must be accepted.
func TestDocumentationExamples(t *testing.T) {
	for page, want := range map[string]int{
		"firewall.md": 1, "dhcp.md": 1, "dns.md": 1, "ipv6.md": 1, "routing.md": 1, "wan.md": 1,
		"vpn.md": 2, // one for sites and one for users
	} {
		data, err := os.ReadFile("../../../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		for _, block := range strings.Split(string(data), "```yaml\n")[1:] {
			example, _, found := strings.Cut(block, "```")
			if !found {
				t.Fatalf("%s has an example without an end", page)
			}
			if !strings.Contains(example, "kind: FirewallConfiguration") {
				continue
			}
			count++
			d := parse(t, []byte(example))
			if err := d.Validate(networksOf(page)); err != nil {
				t.Errorf("%s: %v\n%s", page, err, example)
			}
		}
		if count < want {
			t.Errorf("%s has %d configurations, want %d", page, count, want)
		}
	}
}

// networksOf returns the networks that the example of a page is written for.
func networksOf(page string) []document.Network {
	if page != "wan.md" {
		return networks
	}
	return append(slices.Clone(networks), document.Network{
		Name: "cable", Addresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.1/24")},
	})
}
