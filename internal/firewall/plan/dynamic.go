package plan

import (
	"time"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// DynamicSet returns the name of the set with the addresses of one family that an address object has besides its
// members.
func DynamicSet(object string, f ruleset.Family) string {
	for _, family := range families {
		if family.ruleset == f {
			return ruleset.DynamicAddressPrefix + object + "." + family.name
		}
	}
	return ""
}

// addDynamicSets adds two sets for each dynamic object. Whether rules fill them depends on the object alone, so that a
// changed policy keeps their elements.
func (c *compiler) addDynamicSets() {
	for _, a := range c.document.Addresses {
		if !a.IsDynamic() {
			continue
		}
		for _, family := range families {
			c.result.DynamicSets = append(c.result.DynamicSets, ruleset.DynamicSet{
				Name: DynamicSet(a.Name, family.ruleset), Key: []ruleset.ElementType{family.ruleset.AddressType()},
				IsFilledByRules: a.Dynamic,
			})
		}
	}
}

// remembers returns the rules that add an address of a connection to an object.
func remembers(r document.Remember) (rules []ruleset.Rule) {
	if r.Object == "" {
		return nil
	}
	for _, family := range families {
		rules = append(rules, ruleset.Rule{ruleset.RememberAddress{
			Family: family.ruleset, Set: DynamicSet(r.Object, family.ruleset),
			Source: r.Side != document.SideDestination, Timeout: time.Duration(r.Seconds) * time.Second,
		}})
	}
	return rules
}

// end is one end of the connections that a policy matches: addresses of the document, and sets of dynamic objects. The
// sets of one rule cannot be united, so that each has a rule of its own.
type end struct {
	list addressList
	sets []string
}

// isSome reports whether the end may have any address.
func (e end) isSome() bool { return e.list.some || len(e.sets) > 0 }

// endOf returns an end of a family. Without objects it has all addresses.
func (c *compiler) endOf(owner string, objects []string, family family) (e end) {
	var static []string
	for _, name := range objects {
		object := c.addresses[name]
		if object.IsDynamic() {
			e.sets = append(e.sets, DynamicSet(name, family.ruleset))
		}
		if len(object.Members) > 0 {
			static = append(static, name)
		}
	}
	if len(static) > 0 || len(objects) == 0 {
		e.list = c.addressList(owner, static, family)
	}
	return e
}

// endMatches returns the matches of an end.
func (c *compiler) endMatches(
	e end, copies int, set func(string) ruleset.Expression, run func(ruleset.AddressRun) ruleset.Expression,
) (matches []ruleset.Rule) {
	if e.list.some {
		matches = c.listMatches(e.list, copies, set, run)
	}
	for _, name := range e.sets {
		matches = append(matches, ruleset.Rule{set(name)})
	}
	return matches
}
