package balance

import (
	"cmp"
	"slices"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// Link is a link with its share in new connections.
type Link struct {
	Name string
	// Number is different for each link, and not 0.
	Number uint8
	Weight int
	// IsBackup keeps connections from the link while one without it is up.
	IsBackup bool
}

// Slots has the number of a link for each slot. New connections take the slots in turn, or by a hash of their source.
type Slots [ruleset.LinkSlots]uint8

// Assign distributes the slots over the links that are up, by their weights. If none is up, it does as if all were,
// since nobody knows a better link. A slot whose link is up always has the same link, whatever becomes of the others.
// So a host keeps its link while another one fails and returns. Without links all slots are 0.
func Assign(links []Link, isUp func(name string) bool) (slots Slots) {
	if len(links) == 0 {
		return slots
	}
	for i, l := range sequence(chosen(links, nil), len(slots)) {
		slots[i] = l.Number
	}
	now := chosen(links, isUp)
	var free []int
	for i, number := range slots {
		if !slices.ContainsFunc(now, func(l Link) bool { return l.Number == number }) {
			free = append(free, i)
		}
	}
	for i, l := range sequence(now, len(free)) {
		slots[free[i]] = l.Number
	}
	return slots
}

// Weights returns the weight of each link by which Assign distributes the slots now; 0 for a link that gets none.
func Weights(links []Link, isUp func(name string) bool) map[string]int {
	weights := make(map[string]int, len(links))
	for _, l := range links {
		weights[l.Name] = 0
	}
	for _, l := range chosen(links, isUp) {
		weights[l.Name] = l.Weight
	}
	return weights
}

// chosen returns the links that get slots. Without isUp, all links count as up.
func chosen(links []Link, isUp func(name string) bool) []Link {
	all := slices.Clone(links)
	if isUp != nil {
		up := slices.DeleteFunc(slices.Clone(links), func(l Link) bool { return !isUp(l.Name) })
		if len(up) > 0 {
			all = up
		}
	}
	isBackup := func(l Link) bool { return l.IsBackup }
	if slices.ContainsFunc(all, func(l Link) bool { return !l.IsBackup }) {
		all = slices.DeleteFunc(all, isBackup)
	}
	return all
}

// sequence returns links by their weights in a smooth weighted round-robin, so that any few in a row have about the
// right shares.
func sequence(links []Link, length int) []Link {
	counts := shares(links, length)
	credits := make([]int, len(links))
	all := make([]Link, 0, length)
	for range length {
		// Each link earns its share, and the richest pays for the place.
		best := 0
		for i := range links {
			if credits[i] += counts[i]; credits[i] > credits[best] {
				best = i
			}
		}
		credits[best] -= length
		all = append(all, links[best])
	}
	return all
}

// shares returns how many of so many places each link gets, by the largest remainder. Each gets at least one, if there
// are enough.
func shares(links []Link, places int) []int {
	total := 0
	for _, l := range links {
		total += l.Weight
	}
	counts := make([]int, len(links))
	order := make([]int, len(links))
	left := places
	for i, l := range links {
		counts[i] = l.Weight * places / total
		left -= counts[i]
		order[i] = i
	}
	remainder := func(i int) int { return links[i].Weight * places % total }
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(min(counts[a], 1), min(counts[b], 1)), cmp.Compare(remainder(b), remainder(a)))
	})
	for n := range left {
		counts[order[n]]++
	}
	for i := range counts {
		if richest := indexOfMax(counts); counts[i] == 0 && counts[richest] > 1 {
			counts[i], counts[richest] = 1, counts[richest]-1
		}
	}
	return counts
}

func indexOfMax(all []int) (best int) {
	for i, n := range all {
		if n > all[best] {
			best = i
		}
	}
	return best
}
