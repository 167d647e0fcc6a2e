package document_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

func TestTranslationWithAnAddressThatNobodyHoldsIsWarnedAbout(t *testing.T) {
	head, _, _ := strings.Cut(once, "  routing:")
	d, err := document.Parse([]byte(head + `  - {name: neighbour, to: wan, address: 203.0.113.7}
  - {name: routed, to: wan, address: "2001:db8:7::1"}
  destinationNAT:
  - {name: held, from: wan, destination: 203.0.113.1, service: web, toAddress: 192.0.2.7}
  - {name: other, from: wan, destination: 203.0.113.8, service: web, toAddress: 192.0.2.7}
`))
	if err != nil {
		t.Fatal(err)
	}
	held := []netip.Prefix{netip.MustParsePrefix("203.0.113.1/24"), netip.MustParsePrefix("2001:db8:113::1/64")}
	warnings := d.Warnings(held)
	want := []string{
		"spec.sourceNAT[1].address: 203.0.113.7 is in the prefix of a network",
		"spec.sourceNAT[2].address: 2001:db8:7::1 is no virtual address of the pair",
		"spec.destinationNAT[1].destination: 203.0.113.8 is in the prefix of a network",
	}
	if len(warnings) != len(want) {
		t.Fatalf("got %v", warnings)
	}
	for i, w := range want {
		if !strings.HasPrefix(warnings[i].Error(), w) {
			t.Errorf("got %q, want %q", warnings[i].Error(), w)
		}
	}
}

// Advertisements that send hosts to a DHCPv6 server need one. With one, they send hosts there by themselves.
func TestHostsAreSentToTheirServer(t *testing.T) {
	const advertised = "  routerAdvertisements:\n    networks: [{interface: lan, address: 'fe80::1'%s}]\n"
	const server = "  dhcpv6:\n    networks: [{interface: %s, address: 'fe80::1', searchDomains: [example.com]}]\n"
	for name, c := range map[string]struct {
		text         string
		isSent, warn bool
	}{
		"no server": {fmt.Sprintf(advertised, ""), false, false},
		"a server":  {fmt.Sprintf(advertised, "") + fmt.Sprintf(server, "lan"), true, false},
		"a server and the flag": {
			fmt.Sprintf(advertised, ", otherConfiguration: true") + fmt.Sprintf(server, "lan"), true, false,
		},
		"the flag alone": {fmt.Sprintf(advertised, ", otherConfiguration: true"), true, true},
		"the flag and another's": {
			fmt.Sprintf(advertised, ", otherConfiguration: true") + fmt.Sprintf(server, "wan"), true, true,
		},
	} {
		d, err := document.Parse([]byte(`
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones: [{name: lan, interfaces: [lan]}, {name: wan, interfaces: [wan]}]
` + c.text))
		if err != nil {
			t.Fatal(err)
		}
		warnings := d.Warnings(nil)
		if got := d.AdvertisedNetworks()[0].OtherConfiguration; got != c.isSent || len(warnings) > 0 != c.warn {
			t.Errorf("%s: hosts are sent is %t, warned of %v", name, got, warnings)
		}
		if c.warn && !strings.HasPrefix(warnings[0].Error(),
			`spec.routerAdvertisements.networks[0].otherConfiguration: hosts of "lan" are sent to a DHCPv6 server`) {
			t.Errorf("%s: warned of %s", name, warnings[0])
		}
	}
}
