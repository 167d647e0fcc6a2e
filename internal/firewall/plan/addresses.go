package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// familyRules match addresses. A packet that one of them matches is of one of the families.
type familyRules struct {
	families document.Families
	rules    []ruleset.Rule
}

// family is an address family in the terms of the document, the ruleset and the names of sets.
type family struct {
	document document.Families
	ruleset  ruleset.Family
	name     string
}

var families = []family{
	{document.IPv4, ruleset.IPv4, "ipv4"},
	{document.IPv6, ruleset.IPv6, "ipv6"},
}

// addressMatches returns the matches of source and destination for each wanted family in which both have addresses.
// Without source and destination it returns one match for everything. The caller adds about as many rules with each
// match as copies says.
func (c *compiler) addressMatches(
	owner string, source, destination []string, wanted document.Families, copies int,
) (matches []familyRules) {
	if len(source) == 0 && len(destination) == 0 {
		return []familyRules{{families: wanted, rules: []ruleset.Rule{nil}}}
	}
	for _, family := range families {
		if !wanted.Has(family.document) {
			continue
		}
		from := c.endOf(owner+".source", source, family)
		to := c.endOf(owner+".destination", destination, family)
		if !from.isSome() || !to.isSome() {
			continue
		}
		sources := c.endMatches(from, copies,
			func(set string) ruleset.Expression { return ruleset.Source{Family: family.ruleset, Set: set} },
			func(run ruleset.AddressRun) ruleset.Expression { return ruleset.SourceIn{Run: run} })
		destinations := c.endMatches(to, copies*len(sources),
			func(set string) ruleset.Expression { return ruleset.Destination{Family: family.ruleset, Set: set} },
			func(run ruleset.AddressRun) ruleset.Expression { return ruleset.DestinationIn{Run: run} })
		rules := product(sources, destinations)
		if len(rules[0]) == 0 {
			rules = []ruleset.Rule{{ruleset.IsFamily{Family: family.ruleset}}}
		}
		matches = append(matches, familyRules{families: family.document, rules: rules})
	}
	return matches
}

// listMatches returns the matches of a list: one with a set, or one for each range. A list of all addresses has one
// that is empty.
func (c *compiler) listMatches(
	list addressList, copies int, set func(string) ruleset.Expression, run func(ruleset.AddressRun) ruleset.Expression,
) (matches []ruleset.Rule) {
	if list.all {
		return []ruleset.Rule{nil}
	}
	name, needed := c.setFor(list.name, fmt.Sprint(list.runs), len(list.runs), copies)
	if name == "" {
		for _, r := range list.runs {
			matches = append(matches, ruleset.Rule{run(r)})
		}
		return matches
	}
	if needed {
		c.result.AddressSets = append(c.result.AddressSets,
			ruleset.AddressSet{Name: name, Family: ruleset.FamilyOf(list.runs[0].First), Runs: list.runs})
	}
	return []ruleset.Rule{{set(name)}}
}

// addressList is all addresses of some objects in a family.
type addressList struct {
	// some is set if there are any addresses, and all if there are all of the family.
	some, all bool
	// name is the name of a set with the addresses.
	name string
	runs []ruleset.AddressRun
}

// addressList returns all addresses of the objects in a family. Without objects it has all addresses. Rules that refer
// to one object alone share its list.
func (c *compiler) addressList(owner string, objects []string, family family) addressList {
	if len(objects) == 0 {
		return addressList{some: true, all: true}
	}
	if len(objects) == 1 {
		owner = "address." + objects[0]
	}
	name := owner + "." + family.name
	if list, known := c.addressLists[name]; known {
		return list
	}
	runs := mergeBlocks(c.blocks(objects, family.document))
	c.addressLists[name] = addressList{
		some: len(runs) > 0, all: len(runs) == 1 && runs[0].IsFamily(), name: name, runs: runs,
	}
	return c.addressLists[name]
}

// blocks returns all addresses of the objects in a family.
func (c *compiler) blocks(objects []string, family document.Families) (blocks []document.Block) {
	for _, object := range objects {
		for _, b := range c.addresses[object].Members {
			if b.Family() == family {
				blocks = append(blocks, b)
			}
		}
	}
	return blocks
}

// mergeBlocks returns the ranges of blocks, merged.
func mergeBlocks(blocks []document.Block) []ruleset.AddressRun {
	runs := make([]ruleset.AddressRun, 0, len(blocks))
	for _, b := range blocks {
		runs = append(runs, ruleset.AddressRun{First: b.First, Last: b.Last})
	}
	return ruleset.MergeRuns(runs)
}

// mergePorts sorts and merges ranges of ports, as mergeBlocks does with addresses.
func mergePorts(ranges []document.PortRange) (runs []ruleset.PortRun) {
	sorted := slices.SortedFunc(slices.Values(ranges), func(a, b document.PortRange) int {
		return cmp.Compare(a.First, b.First)
	})
	for _, r := range sorted {
		if n := len(runs); n > 0 && int(r.First) <= int(runs[n-1].Last)+1 {
			runs[n-1].Last = max(runs[n-1].Last, r.Last)
			continue
		}
		runs = append(runs, ruleset.PortRun{First: r.First, Last: r.Last})
	}
	return runs
}
