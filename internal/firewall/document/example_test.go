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

// People copy the example, so it must be accepted.
func TestDocumentationExample(t *testing.T) {
	for _, page := range []string{"firewall.md", "dhcp.md", "dns.md", "ipv6.md", "routing.md", "wan.md"} {
		data, err := os.ReadFile("../../../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(data), "```yaml\n")
		example, _, found := strings.Cut(after, "```")
		if !found {
			t.Fatalf("%s has no example", page)
		}
		d := parse(t, []byte(example))
		if err := d.Validate(networksOf(page)); err != nil {
			t.Errorf("%s: %v", page, err)
		}
	}
}

// TestTunnelExamples checks every configuration of the page about tunnels.
func TestTunnelExamples(t *testing.T) {
	data, err := os.ReadFile("../../../docs/vpn.md")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, block := range strings.Split(string(data), "```yaml\n")[1:] {
		example, _, _ := strings.Cut(block, "```")
		if !strings.Contains(example, "kind: FirewallConfiguration") {
			continue
		}
		count++
		d := parse(t, []byte(example))
		if err := d.Validate(networks); err != nil {
			t.Errorf("%s: %v", example, err)
		}
	}
	if count < 2 {
		t.Errorf("docs/vpn.md has %d configurations, want one for sites and one for users", count)
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
