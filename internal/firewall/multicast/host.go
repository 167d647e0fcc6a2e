package multicast

import (
	"net/netip"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/multicast/message"
)

// host is the proxy's side towards the upstream router, which it answers like a host.
type host struct {
	// reported is what was reported of each group last.
	reported map[netip.Addr]merged
	// pending are the reports that wait, of changed groups.
	pending map[netip.Addr]pendingReport
	// answers are when each family answers a general query, and when each group answers one about it.
	answers      map[bool]time.Duration
	groupAnswers map[netip.Addr]time.Duration
	// oldUntil is how long the router of a family counts as one of an older version.
	oldUntil map[bool]time.Duration
}

// merged is what all downstream interfaces together receive of a group.
type merged struct {
	exclude bool
	sources []netip.Addr
}

func (s merged) isEmpty() bool { return !s.exclude && len(s.sources) == 0 }

// record returns the record of the state.
func (s merged) record(group netip.Addr, include, exclude message.RecordType) message.Record {
	r := message.Record{Type: include, Group: group, Sources: s.sources}
	if s.exclude {
		r.Type = exclude
	}
	// A report must fit the MTU. Of more sources the router hears only these.
	most := maxRecordBytes / len(group.AsSlice())
	if len(r.Sources) > most {
		r.Sources = r.Sources[:most]
	}
	return r
}

// maxRecordBytes bounds the sources of a record, and maxReportBytes the records of a report.
const (
	maxRecordBytes = 1024
	maxReportBytes = 1200
)

// pendingReport is a report that is sent several times.
type pendingReport struct {
	at   time.Duration
	left int
}

func newHost() host {
	return host{
		reported: map[netip.Addr]merged{}, pending: map[netip.Addr]pendingReport{},
		answers: map[bool]time.Duration{}, groupAnswers: map[netip.Addr]time.Duration{}, oldUntil: map[bool]time.Duration{},
	}
}

func (h *host) each(visit func(at time.Duration)) {
	for _, p := range h.pending {
		visit(p.at)
	}
	for _, at := range h.answers {
		visit(at)
	}
	for _, at := range h.groupAnswers {
		visit(at)
	}
}

// reportUpstream reports a group whose sum may have changed.
func (m *Machine) reportUpstream(now time.Duration, group netip.Addr) {
	exclude, sources := m.members.Merged(now, group)
	wanted := merged{exclude, sources}
	had, known := m.host.reported[group]
	if known && had.exclude == wanted.exclude && slices.Equal(had.sources, wanted.sources) {
		return
	}
	if wanted.isEmpty() && !known {
		return
	}
	m.host.reported[group] = wanted
	m.host.pending[group] = pendingReport{at: now, left: reportCount}
}

// answer notes when the query of the upstream router is answered.
func (m *Machine) answer(now time.Duration, ipv6 bool, msg message.Message) {
	if msg.Old {
		m.host.oldUntil[ipv6] = now + oldRouter
	}
	at := now + m.random(msg.Query.MaxResponse)
	if group := msg.Query.Group; group.IsValid() {
		if had, waits := m.host.groupAnswers[group]; !m.host.reported[group].isEmpty() && (!waits || at < had) {
			m.host.groupAnswers[group] = at
		}
		return
	}
	if had, waits := m.host.answers[ipv6]; !waits || at < had {
		m.host.answers[ipv6] = at
	}
}

// sendReports sends the reports and answers that are due.
func (m *Machine) sendReports(now time.Duration) {
	var due [2][]message.Record
	add := func(r message.Record) { due[family(r.Group.Is6())] = append(due[family(r.Group.Is6())], r) }
	for group, p := range m.host.pending {
		if p.at > now {
			continue
		}
		add(m.host.reported[group].record(group, message.ToInclude, message.ToExclude))
		if p.left--; p.left > 0 {
			m.host.pending[group] = pendingReport{at: now + reportInterval, left: p.left}
			continue
		}
		delete(m.host.pending, group)
		if m.host.reported[group].isEmpty() {
			delete(m.host.reported, group)
		}
	}
	for group, at := range m.host.groupAnswers {
		if at <= now {
			delete(m.host.groupAnswers, group)
			if s := m.host.reported[group]; !s.isEmpty() {
				add(s.record(group, message.IsInclude, message.IsExclude))
			}
		}
	}
	for ipv6, at := range m.host.answers {
		if at > now {
			continue
		}
		delete(m.host.answers, ipv6)
		for group, s := range m.host.reported {
			if group.Is6() == ipv6 && !s.isEmpty() {
				add(s.record(group, message.IsInclude, message.IsExclude))
			}
		}
	}
	for f, records := range due {
		m.emitReports(records, m.host.oldUntil[f == family(true)] > now)
	}
}

func family(ipv6 bool) int {
	if ipv6 {
		return 1
	}
	return 0
}

// emitReports sends records in reports that fit the MTU, in the order of their groups.
func (m *Machine) emitReports(records []message.Record, old bool) {
	slices.SortStableFunc(records, func(a, b message.Record) int { return a.Group.Compare(b.Group) })
	first, size := 0, 0
	for i, r := range records {
		length := 4 + (1+len(r.Sources))*len(r.Group.AsSlice())
		if i > first && size+length > maxReportBytes {
			m.emit(SendReport{Records: records[first:i], Old: old})
			first, size = i, 0
		}
		size += length
	}
	if first < len(records) {
		m.emit(SendReport{Records: records[first:], Old: old})
	}
}
