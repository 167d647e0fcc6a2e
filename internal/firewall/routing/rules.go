package routing

import (
	"errors"
	"slices"

	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// resolvedRules are the rules as the kernel has them.
type resolvedRules struct {
	rules []rtnetlink.Rule
	// fields are the paths of the rules in the document.
	fields map[rtnetlink.Rule]string
}

// resolveRules returns the rules for the networks that the interfaces have now. One for the networks of an interface
// becomes one for each of them.
func resolveRules(wanted []plan.RoutingRule, links map[string]rtnetlink.Link, networks []onLink) resolvedRules {
	all := resolvedRules{fields: map[rtnetlink.Rule]string{}}
	for _, w := range wanted {
		r := rtnetlink.Rule{
			IPv6: w.IPv6, Priority: w.Priority, Table: w.Table, MinBits: w.MinBits, In: w.In, From: w.From, To: w.To,
			Mark: w.Mark, Mask: w.Mask,
		}
		if w.FromNetworksOf == "" {
			all.add(r, w.Field)
			continue
		}
		for _, n := range networks {
			if n.index != links[w.FromNetworksOf].Index || n.prefix.Addr().Is6() != w.IPv6 {
				continue
			}
			if r.From = n.prefix; !slices.Contains(all.rules, r) {
				all.add(r, w.Field)
			}
		}
	}
	return all
}

func (all *resolvedRules) add(r rtnetlink.Rule, field string) {
	all.rules = append(all.rules, r)
	all.fields[ruleKey(r)] = field
}

// ruleKey returns a rule without what the kernel or its connection adds.
func ruleKey(r rtnetlink.Rule) rtnetlink.Rule {
	r.Action, r.Protocol = 0, 0
	r.From, r.To = r.From.Masked(), r.To.Masked()
	return r
}

// fieldOf returns the path in the document of a rule that the kernel has refused.
func (all *resolvedRules) fieldOf(err error) string {
	if refused, ok := errors.AsType[*rtnetlink.RuleError](err); ok {
		return all.fields[ruleKey(refused.Rule)]
	}
	return ""
}
