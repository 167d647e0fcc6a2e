package dataplane

import (
	"fmt"
	"strings"
	"time"
)

const (
	// intrusionLasts is how long something that another program did counts after it was undone.
	intrusionLasts = 500 * time.Millisecond
	// seriesLasts is how long a program must continue without such a pause to be a fault. Less disturbs the traffic too
	// little to move the role.
	seriesLasts = 5 * time.Second
	// maxNamed bounds how many things one log line names.
	maxNamed = 5
)

// intrusions are what other programs did and the data plane has undone.
type intrusions struct {
	// first is what was undone first in the series that began at since. A fault names it, so that the fault stays the same
	// when each intrusion of the series is another.
	first string
	// since is when the series began, and last when something was undone last.
	since, last time.Time
}

// add records that something was undone.
func (i *intrusions) add(what string, now time.Time) {
	if now.Sub(i.last) >= intrusionLasts {
		i.first, i.since = what, now
	}
	i.last = now
}

// fault returns what happens again and again; empty if nothing does.
func (i *intrusions) fault(now time.Time) string {
	if now.Sub(i.last) >= intrusionLasts || now.Sub(i.since) < seriesLasts {
		return ""
	}
	return "another program disturbs the data plane again and again: " + i.first + "; find it and stop it"
}

// note records, counts and logs what was undone.
func (p *Plane) note(kind string, undone []string) {
	if len(undone) == 0 {
		return
	}
	p.Metrics.count(kind, len(undone))
	p.intrusions.add(kind+" "+undone[0], time.Now())
	if time.Since(p.logged) < time.Second {
		return
	}
	p.logged = time.Now()
	shown := strings.Join(undone[:min(len(undone), maxNamed)], "; ")
	p.Log.Info("Undid what another program did to the data plane", "kind", kind, "count", len(undone), "what", shown)
}

// texts returns things as text.
func texts[T fmt.Stringer](all []T) []string {
	var some []string
	for _, one := range all {
		some = append(some, one.String())
	}
	return some
}
