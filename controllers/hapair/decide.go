package hapair

import (
	"fmt"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// action is what to do with a unit's pod.
type action int

const (
	// actionKeep: the pod is up to date.
	actionKeep action = iota
	// actionCreate: there is no pod; it is created.
	actionCreate
	// actionRemove: the pod ended and never runs again; it is deleted and then recreated.
	actionRemove
	// actionDeleteLost: the pod is being deleted on a node that does not respond; it is deleted without its kubelet, and
	// then recreated on another node.
	actionDeleteLost
	// actionReplace: the pod is outdated and may go now; it is deleted and then recreated.
	actionReplace
	// actionWait: the pod is outdated or being deleted, and nothing may be done about it yet.
	actionWait
	// actionAwaitSwitchover: the pod is outdated and could go now, but a person chooses when.
	actionAwaitSwitchover
	// actionAwaitTurn: the pod is outdated and could go now, but other pairs are updated first.
	actionAwaitTurn
	// actionHold: no pod may be created or replaced, since there is a blocker or a pause.
	actionHold
)

// decision is what to do with a unit, and why, for people.
type decision struct {
	action action
	why    string
}

// decisions are those of both units. At most one of them is to replace.
type decisions map[v1alpha1.Unit]decision

// intent is what the spec asks of the units.
type intent struct {
	// hashes are those of the templates that the pods should have.
	hashes map[v1alpha1.Unit]string
	// startable is false while something is missing without which no unit can run.
	startable bool
	// blocked is set while there is a blocker. No working unit is replaced then.
	blocked bool
	// paused is set while the user wants no working unit to be replaced.
	paused bool
	// supervised is set if a person moves the active role in an upgrade.
	supervised bool
	// switchoverCommand is the command by which that person does so.
	switchoverCommand string
}

// decide returns what to do with each unit. It never removes a unit on which the traffic depends. Of two outdated units
// the standby goes first, and the active one only after its peer holds its state and can take over.
func decide(f facts, want intent) decisions {
	made := decisions{}
	for _, unit := range v1alpha1.Units() {
		made[unit] = decideUnit(f, want, unit)
	}
	// Both must never go at once, whatever the rules above return.
	if made[v1alpha1.Primary].action == actionReplace && made[v1alpha1.Secondary].action == actionReplace {
		made[v1alpha1.Primary] = decision{actionWait, "It is outdated and waits for its peer to be replaced"}
	}
	return made
}

func decideUnit(f facts, want intent, unit v1alpha1.Unit) decision {
	own := f.units[unit]
	switch {
	case own.lost:
		return decision{actionDeleteLost, fmt.Sprintf("Node %s, which should terminate pod %s, does not respond",
			own.pod.Spec.NodeName, own.pod.Name)}
	case own.terminating():
		return decision{actionWait, fmt.Sprintf("Pod %s is being deleted", own.pod.Name)}
	case own.ended():
		return decision{actionRemove, endOf(own.pod)}
	case !own.exists() && !want.startable:
		return decision{actionHold, "Something is missing without which no unit can run"}
	case !own.exists():
		return decision{actionCreate, ""}
	case own.templateHash() == want.hashes[unit] || !want.startable:
		return decision{actionKeep, ""}
	case want.blocked:
		return decision{actionHold, "It is outdated and kept, since something blocks the operator"}
	case want.paused:
		return decision{actionHold, "It is outdated and kept, since spec.paused is set"}
	case unit == f.active():
		return decideActive(f, want, unit)
	default:
		return decideStandby(f, unit)
	}
}

// decideActive decides about an outdated unit that carries the traffic. The deletion of its pod makes it hand over, if
// its peer can take over.
func decideActive(f facts, want intent, unit v1alpha1.Unit) decision {
	peer := f.units[unit.Peer()]
	switch {
	case !peer.exists() || peer.terminating() || peer.ended() || peer.templateHash() != want.hashes[unit.Peer()]:
		return decision{actionWait, "It is outdated and active; its peer is replaced first"}
	case !peer.ready():
		return decision{actionWait, "It is outdated and active; its peer is not ready to take over"}
	case !f.synchronized():
		return decision{actionWait, "It is outdated and active; its peer does not hold its state yet"}
	case want.supervised:
		return decision{actionAwaitSwitchover, fmt.Sprintf("It is outdated and active, its peer can take over, and "+
			"spec.upgrade.strategy is Supervised: request a switchover when it suits, with %s", want.switchoverCommand)}
	default:
		return decision{actionReplace, "Its template changed, and its peer can take over"}
	}
}

// decideStandby decides about an outdated unit that does not carry the traffic. It goes while nothing depends on it:
// either the active unit works, or this one is not ready anyway.
func decideStandby(f facts, unit v1alpha1.Unit) decision {
	peer := f.units[unit.Peer()]
	switch {
	case peer.terminating():
		return decision{actionWait, "It is outdated; its peer is being deleted"}
	case !f.units[unit].ready():
		return decision{actionReplace, "Its template changed, and it was not ready"}
	case unit.Peer() == f.active() && peer.useful():
		return decision{actionReplace, "Its template changed, and its peer carries the traffic"}
	default:
		return decision{actionWait, "It is outdated and may be needed, since its peer is not active and ready"}
	}
}
