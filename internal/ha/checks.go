package ha

import "time"

// Obstacle is a reason why a role cannot change now, as a clause for people. It is empty when there is no obstacle.
type Obstacle string

// Check is one condition for a change of role.
type Check func(m Machine, at time.Duration) Obstacle

// Takeover lists what must hold before a unit takes the Lease on its own account.
var Takeover = []Check{NotStopping, HostWithdrawn, FirewallInForce, HoldDownElapsed, LeaseFree}

// Promotion lists what must hold before a unit starts to use a Lease that names it.
var Promotion = []Check{NotStopping, HostWithdrawn, FirewallInForce}

// Switchover lists what must hold before an active hands over to its peer.
var Switchover = []Check{PeerPresent, PeerInSync, PeerReady}

// NotStopping holds back a unit that is about to exit: it would have to give the traffic away again at once.
func NotStopping(m Machine, _ time.Duration) Obstacle {
	if m.stop.requested {
		return "the unit is stopping"
	}
	return ""
}

// HostWithdrawn waits until leftovers of an earlier life, or of a lost term, are gone. A promotion must start from a
// clean host.
func HostWithdrawn(m Machine, _ time.Duration) Obstacle {
	if m.host.isExposed() {
		return "the gate or virtual addresses of before are not confirmed withdrawn"
	}
	return ""
}

// FirewallInForce holds back a unit without a ruleset, which would pass everything or break every connection.
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

// LeaseFree protects a Lease that may be in use, until its holder is silent or its permit is over by any clock.
func LeaseFree(m Machine, at time.Duration) Obstacle {
	if !m.lease.known {
		return "the Lease was not seen yet"
	}
	if from, _ := m.claimable(); at < from {
		return "the Lease is held, or was seen too short a time ago"
	}
	return ""
}

// PeerPresent requires the process that is to get the Lease. A handover to a process that is gone would leave the pair
// without an active.
func PeerPresent(m Machine, _ time.Duration) Obstacle {
	if m.peer.incarnation == Nobody {
		return "the peer is not connected"
	}
	return ""
}

// PeerInSync prevents the loss of state that the peer does not have.
func PeerInSync(m Machine, _ time.Duration) Obstacle {
	if !m.peer.inSync {
		return "the peer is not in sync"
	}
	return ""
}

// PeerReady trusts a peer that reports that it could not take over. A peer whose acknowledgements are lost reports
// nothing, and passes.
func PeerReady(m Machine, _ time.Duration) Obstacle {
	if a := m.beats.answer; a.from == m.peer.incarnation && a.from != Nobody && !a.ready {
		return "the peer is not ready"
	}
	return ""
}

// obstacles returns the obstacles of the checks that do not hold.
func (m Machine) obstacles(checks []Check, at time.Duration) []Obstacle {
	var found []Obstacle
	for _, check := range checks {
		if o := check(m, at); o != "" {
			found = append(found, o)
		}
	}
	return found
}

// passes reports whether all checks hold.
func (m Machine) passes(checks []Check, at time.Duration) bool {
	return len(m.obstacles(checks, at)) == 0
}
