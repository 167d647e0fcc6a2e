package multicast

import "github.com/hapair-io/hapair/internal/contract"

// Counts returns what the unit has of multicast, and how often something did not fit.
func (m *Machine) Counts() contract.MulticastCounts {
	groups, sources := m.members.Len()
	return contract.MulticastCounts{
		Groups: groups, Sources: sources, Routes: len(m.routes),
		RefusedReports: m.members.Refused, RefusedRoutes: m.refusedRoutes,
	}
}

// Counts returns what the unit has of multicast. It is zero while the document has none.
func (p *Proxy) Counts() contract.MulticastCounts {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.machine == nil {
		return contract.MulticastCounts{}
	}
	return p.machine.Counts()
}

// logRefused logs that something did not fit since the last call. The caller holds the lock.
func (p *Proxy) logRefused() {
	if p.machine == nil {
		return
	}
	counts := p.machine.Counts()
	reports, routes := counts.RefusedReports-p.refused.RefusedReports, counts.RefusedRoutes-p.refused.RefusedRoutes
	p.refused = counts
	if reports > 0 || routes > 0 {
		p.log.Info("Refusing multicast beyond the bounds, until others end", "reports", reports, "routes", routes,
			"groups", counts.Groups, "sources", counts.Sources)
	}
}
