package tracer

import (
	"cmp"
	"slices"
	"time"
)

// Forwarded is one packet that a router forwarded.
type Forwarded struct {
	At     time.Time
	Router string
}

// By returns which router forwarded each packet, in the order of time. It leaves out packets that no router sent.
func By(routers map[Station]string, packets ...[]Packet) []Forwarded {
	var all []Forwarded
	for _, some := range packets {
		for _, p := range some {
			if router, ok := routers[p.Source]; ok && !p.Outgoing {
				all = append(all, Forwarded{At: p.At, Router: router})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Forwarded) int { return cmp.Compare(a.At.UnixNano(), b.At.UnixNano()) })
	return all
}

// Change is the end of one router's forwarding and the beginning of another's.
type Change struct {
	From, To string
	// Last is the last packet of From before First, the first packet of To.
	Last, First time.Time
}

// Takeovers is what a sequence of forwarded packets proves.
type Takeovers struct {
	Changes []Change
	// Late counts the packets that a router forwarded after another one had begun. Where each router begins at most once,
	// each late packet proves that two were active.
	Late int
	// Overlap is the time from the first packet of a router to the last late packet of its predecessor.
	Overlap time.Duration
}

// FindTakeovers finds the changes in a sequence that is in the order of time. A packet that arrives within grace of the
// other router's first packet is not late: it may have been on its way when its router stopped.
func FindTakeovers(forwarded []Forwarded, grace time.Duration) Takeovers {
	var v Takeovers
	var newest Forwarded       // the first packet of the router that began last
	begun := map[string]bool{} // routers that have forwarded
	for i, f := range forwarded {
		if i > 0 && forwarded[i-1].Router != f.Router {
			before := forwarded[i-1]
			v.Changes = append(v.Changes, Change{From: before.Router, To: f.Router, Last: before.At, First: f.At})
		}
		switch {
		case !begun[f.Router]:
			begun[f.Router], newest = true, f
		case f.Router != newest.Router && f.At.Sub(newest.At) > grace:
			v.Late++
			v.Overlap = f.At.Sub(newest.At)
		}
	}
	return v
}

// LastBy returns when a router forwarded last, or the zero instant if it never did.
func LastBy(forwarded []Forwarded, router string) time.Time {
	for _, f := range slices.Backward(forwarded) {
		if f.Router == router {
			return f.At
		}
	}
	return time.Time{}
}

// FirstBy returns when a router forwarded first, or the zero instant if it never did.
func FirstBy(forwarded []Forwarded, router string) time.Time {
	for _, f := range forwarded {
		if f.Router == router {
			return f.At
		}
	}
	return time.Time{}
}
