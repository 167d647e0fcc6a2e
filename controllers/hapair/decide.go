package hapair

import (
	"fmt"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// action is what is to be done with a unit's pod.
type action int

const (
	// actionKeep: the pod is what it should be.
	actionKeep action = iota
	// actionCreate: there is no pod.
	actionCreate
	// actionRemove: the pod ended and will never run again; it is deleted, to be made anew.
	actionRemove
	// actionForget: the pod is being deleted on a node that does not answer; it is forgotten, to be made anew elsewhere.
	actionForget
	// actionReplace: the pod is outdated and it is its turn; it is deleted, to be made anew.
	actionReplace
	// actionWait: the pod is outdated, or being deleted, and it is not the time to do anything about it.
	actionWait
	// actionAsk: the pod is outdated and it is its turn, and a person wants to say when.
	actionAsk
	// actionHold: nothing may be made or replaced, since the spec lacks something or says so.
	actionHold
)

// decision is what to do with a unit, and why, for people.
type decision struct {
	action action
	why    string
}

// decisions are of both units. At most one of them replaces.
type decisions map[v1alpha1.Unit]decision

// wishes are what the spec asks of the units.
type wishes struct {
	// hashes are those of the templates that the pods should be of.
	hashes map[v1alpha1.Unit]string
	// startable is false while something without which no unit can run was never there.
	startable bool
	// lacking is set while the spec lacks something; then nothing that works is replaced.
	lacking bool
	// paused is set while the user wants nothing that works to be replaced.
	paused bool
	// supervised is set when a person wants to move the active role in an upgrade.
	supervised bool
}

// decide says what is to be done with each unit. It must never take a unit on which the traffic depends: of two
// outdated units the one that is not active goes first, and the active one only once its peer has its state and can
// take over.
func decide(f facts, w wishes) decisions {
	made := decisions{}
	for _, unit := range v1alpha1.Units() {
		made[unit] = decideUnit(f, w, unit)
	}
	// Whatever brought it about, both must never go at once.
	if made[v1alpha1.Primary].action == actionReplace && made[v1alpha1.Secondary].action == actionReplace {
		made[v1alpha1.Primary] = decision{actionWait, "It is outdated and waits for its peer to be replaced"}
	}
	return made
}

func decideUnit(f facts, w wishes, unit v1alpha1.Unit) decision {
	own := f.units[unit]
	switch {
	case own.lost:
		return decision{actionForget, fmt.Sprintf("Node %s, which should end pod %s, does not answer",
			own.pod.Spec.NodeName, own.pod.Name)}
	case own.terminating():
		return decision{actionWait, fmt.Sprintf("Pod %s is being deleted", own.pod.Name)}
	case own.ended():
		return decision{actionRemove, endOf(own.pod)}
	case !own.exists() && !w.startable:
		return decision{actionHold, "The spec lacks something without which no unit can run"}
	case !own.exists():
		return decision{actionCreate, ""}
	case own.templateHash() == w.hashes[unit] || !w.startable:
		return decision{actionKeep, ""}
	case w.lacking:
		return decision{actionHold, "It is outdated and kept, since the spec lacks something"}
	case w.paused:
		return decision{actionHold, "It is outdated and kept, since spec.paused is set"}
	case unit == f.active():
		return decideActive(f, w, unit)
	default:
		return decideStandby(f, unit)
	}
}

// decideActive is about an outdated unit that carries the traffic. Deleting its pod makes it hand over, if there is one
// that it can hand over to.
func decideActive(f facts, w wishes, unit v1alpha1.Unit) decision {
	peer := f.units[unit.Peer()]
	switch {
	case !peer.exists() || peer.terminating() || peer.ended() || peer.templateHash() != w.hashes[unit.Peer()]:
		return decision{actionWait, "It is outdated and active; its peer is replaced first"}
	case !peer.ready():
		return decision{actionWait, "It is outdated and active; its peer is not ready to take over"}
	case !f.synchronized():
		return decision{actionWait, "It is outdated and active; its peer does not hold its state yet"}
	case w.supervised:
		return decision{actionAsk, fmt.Sprintf("It is outdated and active, its peer can take over, and "+
			"spec.upgrade.strategy is Supervised: delete pod %s when it suits", f.units[unit].pod.Name)}
	default:
		return decision{actionReplace, "Its template changed, and its peer can take over"}
	}
}

// decideStandby is about an outdated unit that does not carry the traffic. It is taken as long as nothing is lost by
// it: either the active one is in good order, or this one is of no use anyway.
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
