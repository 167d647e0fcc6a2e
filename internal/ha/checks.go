package ha

import "time"

// Obstacle is why a role cannot change now, as a clause for people; empty when nothing is in the way.
type Obstacle string

// Check is one condition for a change of role.
type Check func(m Machine, at time.Duration) Obstacle

// Takeover is what must hold before a unit takes the Lease on its own account.
var Takeover = []Check{NotStopping, HostWithdrawn, FirewallInForce, HoldDownElapsed, LeaseFree}

// Inheritance is what must hold before a unit begins to use a Lease that names it.
var Inheritance = []Check{NotStopping, HostWithdrawn, FirewallInForce}

// Switchover is what must hold for an active to hand over to its peer.
var Switchover = []Check{PeerPresent, PeerInSync, PeerReady}

// NotStopping holds back a unit that is about to exit: it would have to give the traffic away again at once.
func NotStopping(m Machine, _ time.Duration) Obstacle {
	if m.stop.requested {
		return "the unit is stopping"
	}
	return ""
}

// HostWithdrawn waits until leftovers of an earlier life, or of a term that was lost, are gone: a promotion builds its
// own in order, on clean ground.
func HostWithdrawn(m Machine, _ time.Duration) Obstacle {
	if m.host.exposed() {
		return "the gate or virtual addresses of before are not confirmed withdrawn"
	}
	return ""
}

// FirewallInForce keeps a unit without a ruleset from passing everything, or breaking every connection.
func FirewallInForce(m Machine, _ time.Duration) Obstacle {
	if !m.firewallInForce {
		return "the firewall has no ruleset in force"
	}
	return ""
}

// HoldDownElapsed gives the other unit its chance first, after a promotion that failed.
func HoldDownElapsed(m Machine, at time.Duration) Obstacle {
	if at < m.holdUntil {
		return "the last promotion failed a short while ago"
	}
	return ""
}

// LeaseFree leaves a Lease alone that may be in use, until its holder is silent, or its permit over by any clock.
func LeaseFree(m Machine, at time.Duration) Obstacle {
	if !m.lease.known {
		return "the Lease was not seen yet"
	}
	if from, _ := m.claimable(); at < from {
		return "the Lease is held, or was seen too short a time ago"
	}
	return ""
}

// PeerPresent asks for the process that is to have the Lease: handed to one that is gone, it would leave the pair
// without an active.
func PeerPresent(m Machine, _ time.Duration) Obstacle {
	if m.peer.incarnation == Nobody {
		return "the peer is not connected"
	}
	return ""
}

// PeerInSync keeps what the peer does not have from being lost by handing over.
func PeerInSync(m Machine, _ time.Duration) Obstacle {
	if !m.peer.inSync {
		return "the peer is not in sync"
	}
	return ""
}

// PeerReady believes a peer that says it could not take over. One whose heartbeats do not come through says nothing.
func PeerReady(m Machine, _ time.Duration) Obstacle {
	if e := m.beats.echo; e.from == m.peer.incarnation && e.from != Nobody && !e.ready {
		return "the peer is not ready"
	}
	return ""
}

// obstacles are those of the checks that do not hold.
func (m Machine) obstacles(checks []Check, at time.Duration) []Obstacle {
	var found []Obstacle
	for _, check := range checks {
		if o := check(m, at); o != "" {
			found = append(found, o)
		}
	}
	return found
}

func (m Machine) passes(checks []Check, at time.Duration) bool {
	return len(m.obstacles(checks, at)) == 0
}
