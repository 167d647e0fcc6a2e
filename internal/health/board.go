package health

import (
	"slices"
	"sync"

	"github.com/hapair-io/hapair/internal/contract"
)

// entry is the state of one interface or target.
type entry struct {
	good bool
	// fault is why it is not good; empty if that is not a fault.
	fault string
}

// board holds the newest entry of each monitor, and reports all of them together.
type board struct {
	changed func(Report)

	// linkChecks and probeChecks are the names of the checks, in the order of links and probes.
	linkChecks, probeChecks []string

	mu     sync.Mutex
	links  []entry
	probes []entry
	// looked is set when the interfaces have been looked up.
	looked, reported bool
	last             Report
}

func (b *board) setLinks(links []entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.links, b.looked = links, true
	b.report()
}

func (b *board) setProbe(i int, e entry) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probes[i] = e
	b.report()
}

// report calls changed with the lock held, so that reports arrive in order.
func (b *board) report() {
	if !b.looked {
		return
	}
	var r Report
	r.Links, _, r.Checks = sum(b.links, b.linkChecks, r.Checks)
	r.Probes, r.Judged, r.Checks = sum(b.probes, b.probeChecks, r.Checks)
	if b.reported && r.equal(b.last) {
		return
	}
	b.last, b.reported = r, true
	b.changed(r)
}

// sum converts entries to bits, and appends their checks. An entry that is neither good nor a fault is not judged, and
// has no check.
func sum(entries []entry, names []string, checks []contract.UnitHealth) (
	good, judged uint16, all []contract.UnitHealth,
) {
	for i, e := range entries {
		if !e.good && e.fault == "" {
			continue
		}
		judged |= 1 << i
		if e.good {
			good |= 1 << i
		}
		checks = append(checks, contract.UnitHealth{Name: names[i], Healthy: e.good, Message: e.fault})
	}
	return good, judged, checks
}

// equal reports whether two reports are the same.
func (r Report) equal(other Report) bool {
	return r.Links == other.Links && r.Probes == other.Probes && r.Judged == other.Judged &&
		slices.Equal(r.Checks, other.Checks)
}
