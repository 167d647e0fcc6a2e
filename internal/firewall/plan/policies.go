package plan

import (
	"slices"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/ruleset"
)

const (
	zoneFirewall = document.ZoneFirewall
	anyFamily    = document.IPv4 | document.IPv6
)

func pairChain(from, to string) string { return "from." + from + ".to." + to }
func policyChain(name string) string   { return "policy." + name }

func (c *compiler) hasPolicies(from, to string) bool {
	return slices.ContainsFunc(c.document.Policies, func(p document.Policy) bool { return applies(p, from, to) })
}

func applies(p document.Policy, from, to string) bool {
	return slices.Contains(p.From, from) && slices.Contains(p.To, to)
}

// addPolicies adds one chain for each pair of zones with policies, which tries them in the order of the document. It
// adds one chain for each policy, which carries out the action.
func (c *compiler) addPolicies() {
	matches := make([][]ruleset.Rule, len(c.document.Policies))
	for i, p := range c.document.Policies {
		matches[i] = c.matches(p)
	}
	for _, from := range c.document.Zones {
		for _, to := range append(c.zoneNames(), zoneFirewall) {
			if c.hasPolicies(from.Name, to) {
				c.addPair(from.Name, to, matches)
			}
		}
	}
	for _, p := range c.document.Policies {
		c.addPolicy(p)
	}
}

func (c *compiler) zoneNames() []string {
	names := make([]string, 0, len(c.document.Zones))
	for _, z := range c.document.Zones {
		names = append(names, z.Name)
	}
	return names
}

func (c *compiler) addPair(from, to string, matches [][]ruleset.Rule) {
	var rules []ruleset.Rule
	for i, p := range c.document.Policies {
		if !applies(p, from, to) {
			continue
		}
		for _, match := range matches[i] {
			rules = append(rules, append(slices.Clone(match), ruleset.Goto{Chain: policyChain(p.Name)}))
		}
	}
	c.addChain(pairChain(from, to), append(rules, ruleset.Rule{ruleset.Goto{Chain: chainUnmatched}})...)
}

func (c *compiler) addPolicy(p document.Policy) {
	var rules []ruleset.Rule
	if p.Log {
		rules = append(rules, logged(p.Name))
	}
	rules = append(rules, remembers(p.Remember)...)
	switch p.Action {
	case document.Accept:
		rules = append(rules, c.attachments(p)...)
		if p.OnChange == document.Keep {
			rules = append(rules, ruleset.Rule{ruleset.MarkConnection{Bits: MarkKeep}})
		}
		rules = append(rules, ruleset.Rule{ruleset.Counter{}, ruleset.Accept{}})
	case document.Reject:
		rules = append(rules,
			ruleset.Rule{ruleset.Counter{}},
			ruleset.Rule{ruleset.TCP, ruleset.RejectTCP{}},
			ruleset.Rule{ruleset.Reject{}})
	case document.Drop:
		rules = append(rules, ruleset.Rule{ruleset.Counter{}, ruleset.Drop{}})
	}
	c.addChain(policyChain(p.Name), rules...)
}

// matches returns the rules of a policy: at least one for each address family and protocol that it covers.
func (c *compiler) matches(p document.Policy) (rules []ruleset.Rule) {
	owner := policyChain(p.Name)
	pairs := len(p.From) * len(p.To)
	for _, addresses := range c.addressMatches(owner, p.Source, p.Destination, anyFamily, pairs*max(1, len(p.Services))) {
		services := c.serviceMatches(owner, p.Services, addresses.families, pairs*len(addresses.rules))
		rules = append(rules, product(addresses.rules, services)...)
	}
	return rules
}
