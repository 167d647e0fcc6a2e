package health

import (
	"slices"
	"sync"
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
	r.Links, _, r.Faults = sum(b.links, r.Faults)
	r.Probes, r.Judged, r.Faults = sum(b.probes, r.Faults)
	same := r.Links == b.last.Links && r.Probes == b.last.Probes && r.Judged == b.last.Judged
	if b.reported && same && slices.Equal(r.Faults, b.last.Faults) {
		return
	}
	b.last, b.reported = r, true
	b.changed(r)
}

// sum converts entries to bits, and collects their faults. An entry that is neither good nor a fault is not judged.
func sum(entries []entry, faults []string) (good, judged uint16, all []string) {
	for i, e := range entries {
		switch {
		case e.good:
			good |= 1 << i
		case e.fault != "":
			faults = append(faults, e.fault)
		default:
			continue
		}
		judged |= 1 << i
	}
	return good, judged, faults
}
