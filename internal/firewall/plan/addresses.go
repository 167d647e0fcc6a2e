package plan

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// familyRule matches addresses. A packet that matches is of one of the families.
type familyRule struct {
	families document.Families
	rule     ruleset.Rule
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

// addressMatches returns one match of source and destination for each wanted family in which both have addresses.
// Without source and destination it returns one match for everything.
func (c *compiler) addressMatches(
	owner string, source, destination []string, wanted document.Families,
) (rules []familyRule) {
	if len(source) == 0 && len(destination) == 0 {
		return []familyRule{{families: wanted}}
	}
	for _, family := range families {
		if !wanted.Has(family.document) {
			continue
		}
		from, fromSome := c.addressSet(owner+".source", source, family)
		to, toSome := c.addressSet(owner+".destination", destination, family)
		if !fromSome || !toSome {
			continue
		}
		match := familyRule{families: family.document}
		if from != "" {
			match.rule = append(match.rule, ruleset.Source{Family: family.ruleset, Set: from})
		}
		if to != "" {
			match.rule = append(match.rule, ruleset.Destination{Family: family.ruleset, Set: to})
		}
		rules = append(rules, match)
	}
	return rules
}

// addressSet returns the name of a set with all addresses of the objects in a family, and whether there are any.
// Without objects it returns no name, and everything matches. Rules that refer to one object alone share its set.
func (c *compiler) addressSet(owner string, objects []string, family family) (name string, some bool) {
	if len(objects) == 0 {
		return "", true
	}
	blocks := c.blocks(objects, family.document)
	if len(blocks) == 0 {
		return "", false
	}
	if len(objects) == 1 {
		owner = "address." + objects[0]
	}
	name = owner + "." + family.name
	if !c.made[name] {
		c.made[name] = true
		c.result.AddressSets = append(c.result.AddressSets,
			ruleset.AddressSet{Name: name, Family: family.ruleset, Runs: mergeBlocks(blocks)})
	}
	return name, true
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

// mergeBlocks sorts blocks and merges those that overlap or touch, since the kernel refuses overlapping intervals.
func mergeBlocks(blocks []document.Block) (runs []ruleset.AddressRun) {
	sorted := slices.SortedFunc(slices.Values(blocks), func(a, b document.Block) int { return a.First.Compare(b.First) })
	for _, b := range sorted {
		if n := len(runs); n > 0 && touches(runs[n-1].Last, b.First) {
			runs[n-1].Last = later(runs[n-1].Last, b.Last)
			continue
		}
		runs = append(runs, ruleset.AddressRun{First: b.First, Last: b.Last})
	}
	return runs
}

// touches reports whether first is at most one after last. The highest address has no successor and touches everything.
func touches(last, first netip.Addr) bool {
	next := last.Next()
	return !next.IsValid() || first.Compare(next) <= 0
}

func later(a, b netip.Addr) netip.Addr {
	if a.Less(b) {
		return b
	}
	return a
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
