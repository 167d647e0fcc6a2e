package resolver

import (
	"fmt"
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
)

// maxFaults bounds how many names a fault describes.
const maxFaults = 5

// Fault returns which names were not answered for longer than their addresses stay, and since when; empty if there are
// none.
func (r *Resolver) Fault() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	names, since := r.schedule.lost(time.Now())
	if len(names) == 0 {
		return ""
	}
	var described []string
	for i, name := range names[:min(len(names), maxFaults)] {
		described = append(described, fmt.Sprintf("%s since %s", name, since[i].UTC().Format(time.RFC3339)))
	}
	if more := len(names) - len(described); more > 0 {
		described = append(described, fmt.Sprintf("and %d more", more))
	}
	return "no resolver answers for " + strings.Join(described, ", ") +
		", and their addresses have gone; correct the names, or check that the unit reaches spec.resolvers"
}

// Counts returns how many names were answered, and how many addresses stay after their lifetime.
func (r *Resolver) Counts() contract.NameCounts {
	r.mu.Lock()
	defer r.mu.Unlock()
	var counts contract.NameCounts
	counts.Resolved, counts.Failing = r.schedule.counts()
	now := time.Now()
	for _, end := range r.ends {
		if left := end.Sub(now); left > 0 && left < grace {
			counts.Overdue++
		}
	}
	return counts
}
