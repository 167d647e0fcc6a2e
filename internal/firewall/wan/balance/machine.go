package balance

import "github.com/hapair-io/hapair/internal/health/threshold"

// Monitored is a link with its monitors.
type Monitored struct {
	Link
	// Monitors is the number of hosts that are probed by the link.
	Monitors int
	// Limits are how many probes in a row change the verdict about a monitor.
	Limits threshold.Limits
}

// Machine knows which links are up. A link is up while its interface has a carrier and one of its monitors is reached.
// A link without monitors needs the carrier alone.
type Machine struct {
	links  []Monitored
	states map[string]*state
}

// state is what is known of a link.
type state struct {
	Monitored
	monitors []threshold.Judgement
	// isCut is set while the interface has no carrier.
	isCut bool
}

// New returns a machine in which all links are up. Only failed probes, the other unit or a missing carrier change that.
func New(links []Monitored) *Machine {
	m := &Machine{links: links, states: map[string]*state{}}
	for _, l := range links {
		m.states[l.Name] = &state{Monitored: l, monitors: make([]threshold.Judgement, l.Monitors)}
		m.Restore(l.Name, true)
	}
	return m
}

// Links returns the links in their order.
func (m *Machine) Links() []Monitored { return m.links }

// SetCarrier stores whether the interface of a link has a carrier.
func (m *Machine) SetCarrier(name string, hasCarrier bool) {
	if s, known := m.states[name]; known {
		s.isCut = !hasCarrier
	}
}

// Probed stores the result of a probe.
func (m *Machine) Probed(name string, monitor int, isReached bool) {
	if s, known := m.states[name]; known && monitor < len(s.monitors) {
		s.monitors[monitor] = s.monitors[monitor].After(isReached, s.Limits)
	}
}

// Restore sets the verdict about all monitors of a link to that of the other unit. Probes in a row count from there.
func (m *Machine) Restore(name string, isReached bool) {
	s, known := m.states[name]
	if !known {
		return
	}
	verdict := threshold.Unreached
	if isReached {
		verdict = threshold.Reached
	}
	for i := range s.monitors {
		s.monitors[i] = threshold.Judgement{Verdict: verdict}
	}
}

// IsReached reports whether a monitor of a link is reached, or the link has none.
func (m *Machine) IsReached(name string) bool {
	s, known := m.states[name]
	if !known {
		return false
	}
	for _, j := range s.monitors {
		if j.Verdict == threshold.Reached {
			return true
		}
	}
	return len(s.monitors) == 0
}

// HasCarrier reports whether the interface of a link has a carrier.
func (m *Machine) HasCarrier(name string) bool {
	s, known := m.states[name]
	return known && !s.isCut
}

// IsUp reports whether a link is up.
func (m *Machine) IsUp(name string) bool { return m.HasCarrier(name) && m.IsReached(name) }

// Unusable returns the links that get no connections because they are down. If all are down, it returns none.
func (m *Machine) Unusable() map[string]bool {
	down := map[string]bool{}
	for _, l := range m.links {
		if !m.IsUp(l.Name) {
			down[l.Name] = true
		}
	}
	if len(down) == len(m.links) {
		return map[string]bool{}
	}
	return down
}
