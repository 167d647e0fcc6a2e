package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// ownLists returns a document whose policies have lists of their own, each with so many addresses and ports.
func ownLists(t *testing.T, policies, addresses, ports int) document.Document {
	t.Helper()
	d := document.Document{Zones: []document.Zone{
		{Name: "lan", Interfaces: []string{"lan"}, SourceValidation: document.SourceDisabled}, // its check has sets too
	}}
	for i := range policies {
		name := fmt.Sprintf("n%d", i)
		a := document.Address{Name: name}
		for j := range addresses {
			block, err := document.ParseBlock(fmt.Sprintf("10.%d.%d.%d", i/250, i%250, 2*j))
			if err != nil {
				t.Fatal(err)
			}
			a.Members = append(a.Members, block)
		}
		s := document.Service{Name: name, Protocol: document.TCP}
		for j := range ports {
			port := uint16(1 + i + 10_000*j) //nolint:gosec // Both are small.
			s.Ports = append(s.Ports, document.PortRange{First: port, Last: port})
		}
		d.Addresses, d.Services = append(d.Addresses, a), append(d.Services, s)
		d.Policies = append(d.Policies, document.Policy{
			Name: name, From: []string{"lan"}, To: []string{"lan"}, Action: document.Accept,
			Source: []string{name}, Services: []string{name},
		})
	}
	if err := d.Validate([]document.Network{{Name: "lan"}}); err != nil {
		t.Fatal(err)
	}
	return d
}

// The kernel goes through all sets to find one, so there are few, or all of them are long.
func TestManyListsComeToFewSets(t *testing.T) {
	reserved := len(plan.Compile(ownLists(t, 0, 1, 1)).AddressSets) // those of every document
	for _, c := range []struct{ addresses, ports, sets, rules int }{
		{1, 1, 0, 4000},
		{1, 2, 512, 4000 + 3488},
		{2, 2, 512, 256 + 4*3744},
		{3, 2, 512, 256 + 6*3744},
		{5, 1, 4000, 4000},
	} {
		r := plan.Compile(ownLists(t, 4000, c.addresses, c.ports))
		sets := len(r.AddressSets) + len(r.PortSets) - reserved
		rules := 0
		for _, chain := range r.Chains {
			if chain.Name == "from.lan.to.lan" {
				rules = len(chain.Rules) - 1
			}
		}
		if sets != c.sets || rules != c.rules {
			t.Errorf("%d addresses and %d ports come to %d sets and %d rules, want %d and %d",
				c.addresses, c.ports, sets, rules, c.sets, c.rules)
		}
	}
}

// A short list that became several rules matches each of its pairs of address and port once.
func TestShortListMatchesEachOfItsRanges(t *testing.T) {
	r := plan.Compile(ownLists(t, 600, 2, 2))
	matches := map[string]int{}
	for _, chain := range r.Chains {
		for _, rule := range chain.Rules {
			if rule[len(rule)-1] == (ruleset.Goto{Chain: "policy.n599"}) {
				matches[strings.TrimSuffix(rule.String(), " goto policy.n599")]++
			}
		}
	}
	for _, address := range []string{"10.2.99.0", "10.2.99.2"} {
		for _, port := range []string{"600", "10600"} {
			match := "ip saddr " + address + " meta l4proto tcp th dport " + port
			if matches[match] != 1 {
				t.Errorf("%d rules are %q", matches[match], match)
			}
			delete(matches, match)
		}
	}
	if len(matches) > 0 {
		t.Errorf("more rules: %v", matches)
	}
}
