package plan

import (
	"crypto/sha256"
	"slices"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// A rule can compare one range itself, and it needs a set for several. The kernel goes through all sets to find one, so
// the time for a ruleset grows with the square of their number: 8,000 sets take seconds. Therefore equal lists share a
// set, and once there are many sets, a short list becomes a rule for each of its ranges.
const (
	// manySets is the number of sets that the kernel still finds within milliseconds.
	manySets = 512
	// shortList is the number of ranges up to which comparing them takes about as long as a lookup in a set.
	shortList = 4
	// spareRules bounds the rules that short lists add.
	spareRules = 6 * 4096
)

// setFor returns the name of the set for a list of ranges with a content, and whether the set needs to be added. The
// name is empty if each range becomes a match of its own, in as many copies.
func (c *compiler) setFor(name, content string, ranges, copies int) (set string, needed bool) {
	if ranges == 1 {
		return "", false
	}
	key := sha256.Sum256([]byte(content))
	if equal, ok := c.equal[key]; ok {
		return equal, false
	}
	if added := (ranges - 1) * copies; len(c.equal) >= manySets && ranges <= shortList && added <= c.spare {
		c.spare -= added
		return "", false
	}
	c.equal[key] = name
	return name, true
}

// product returns each of some rules followed by each of others.
func product(heads, tails []ruleset.Rule) (rules []ruleset.Rule) {
	for _, head := range heads {
		for _, tail := range tails {
			rules = append(rules, slices.Concat(head, tail))
		}
	}
	return rules
}
