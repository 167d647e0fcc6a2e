package membership

import (
	"net/netip"
	"slices"
	"time"
)

// State is what an interface receives of a group, without its timers: it is what both units of a pair must have.
type State struct {
	// Exclude is set if all sources are received but those of Unwanted.
	Exclude bool `json:"exclude,omitempty"`
	// Wanted are the sources that somebody asked for. In EXCLUDE they may become unwanted.
	Wanted []netip.Addr `json:"wanted,omitempty"`
	// Unwanted are the sources that nobody wants. Only EXCLUDE has them.
	Unwanted []netip.Addr `json:"unwanted,omitempty"`
}

func (g *group) state(now time.Duration) State {
	s := State{Exclude: g.exclude}
	for source, until := range g.sources {
		if until > now {
			s.Wanted = append(s.Wanted, source)
		} else if g.exclude {
			s.Unwanted = append(s.Unwanted, source)
		}
	}
	slices.SortFunc(s.Wanted, netip.Addr.Compare)
	slices.SortFunc(s.Unwanted, netip.Addr.Compare)
	return s
}

func (s State) equal(other State) bool {
	return s.Exclude == other.Exclude && slices.Equal(s.Wanted, other.Wanted) && slices.Equal(s.Unwanted, other.Unwanted)
}

// State returns the state of a group, and how long it lasts without a further report. It returns false for a group
// without members.
func (t *Table) State(now time.Duration, k Key) (s State, life time.Duration, ok bool) {
	g := t.groups[k]
	if g == nil {
		return State{}, 0, false
	}
	until := g.until
	if !g.exclude {
		until = 0
	}
	for _, u := range g.sources {
		until = max(until, u)
	}
	return g.state(now), until - now, true
}

// Restore gives a group the state that the other unit had. It lasts for a life, at most Interval. It returns false if
// the table is full.
func (t *Table) Restore(now time.Duration, k Key, s State, life time.Duration) bool {
	had, sources := t.groups[k], t.sources+len(s.Wanted)+len(s.Unwanted)
	if had != nil {
		sources -= len(had.sources)
	}
	if had == nil && len(t.groups) >= t.limits.Groups || sources > t.limits.Sources {
		t.Refused++
		return false
	}
	t.Remove(k)
	until := now + min(life, Interval)
	g := &group{exclude: s.Exclude, until: until, sources: map[netip.Addr]time.Duration{}}
	g.want(s.Wanted, until)
	if s.Exclude {
		g.want(s.Unwanted, now)
	}
	t.set(now, k, g)
	t.sources += len(g.sources)
	t.settle(k, now)
	return true
}

// Extend lets everything that is received last until an instant at least. A new active gives its hosts time to report.
func (t *Table) Extend(until time.Duration) {
	for _, g := range t.groups {
		if g.exclude {
			g.until = max(g.until, until)
			continue
		}
		for s, had := range g.sources {
			g.sources[s] = max(had, until)
		}
	}
	t.due = 0 // The next Advance finds when the first of them ends.
}

// Remove removes a group.
func (t *Table) Remove(k Key) {
	if g := t.groups[k]; g != nil {
		t.sources -= len(g.sources)
		delete(t.groups, k)
	}
}

// Merged returns what all interfaces together receive of a group: what the proxy reports upstream (RFC 4605, 4.1). The
// sources are those to include, or those to exclude.
func (t *Table) Merged(now time.Duration, of netip.Addr) (exclude bool, sources []netip.Addr) {
	wanted, unwanted := map[netip.Addr]bool{}, map[netip.Addr]int{}
	excluding := 0
	for _, device := range t.interfaces {
		g := t.groups[Key{device, of}]
		if g == nil {
			continue
		}
		s := g.state(now)
		for _, source := range s.Wanted {
			wanted[source] = true
		}
		if s.Exclude {
			excluding++
			for _, source := range s.Unwanted {
				unwanted[source]++
			}
		}
	}
	if excluding == 0 {
		for source := range wanted {
			sources = append(sources, source)
		}
	} else {
		for source, count := range unwanted {
			if count == excluding && !wanted[source] {
				sources = append(sources, source)
			}
		}
	}
	slices.SortFunc(sources, netip.Addr.Compare)
	return excluding > 0, sources
}
