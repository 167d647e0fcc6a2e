package document_test

import (
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
