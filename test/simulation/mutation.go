package simulation

import (
	"fmt"
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

// Mutation is a rule of the world, and so of the protocol, that is broken on purpose. The machine stays what it is:
// what it is told, or what it wants, is changed on the way.
type Mutation uint8

// The mutations. A judge that does not see each of them proves nothing.
const (
	// Faithful breaks none.
	Faithful Mutation = iota
	// HalfGrant lets a standby wait for half of its grant, NoWait not at all, and NoLeaseWait lets a unit that is
	// not named wait for a fifth of the lease.
	HalfGrant
	NoWait
	NoLeaseWait
	// RelativeTimer opens the gate for a time instead of until an instant.
	RelativeTimer
	// NoSwap writes the Lease whatever version it has.
	NoSwap
	// TrustedSilence takes a lost answer for a good one.
	TrustedSilence
	// CountedFromAnswer counts a permit from the answer instead of from the sending.
	CountedFromAnswer
	// WildClocks lets the clocks run further apart than allowed.
	WildClocks
	// EndlessGrant acknowledges heartbeats also while the unit takes the Lease.
	EndlessGrant
	// LyingGate says that it is closed and is not.
	LyingGate
	// NoShortening leaves the gate's deadline where it is when a right is given up.
	NoShortening
	// EarlyRelinquish sends the grant before the gate is closed.
	EarlyRelinquish
	// SameIncarnation lets a process that is started again be the one before.
	SameIncarnation
	// HollowSync says that the standby holds everything, and brings it nothing.
	HollowSync
	// LostRelinquishes loses every grant.
	LostRelinquishes
	// NeverReady lets no standby say that it is ready.
	NeverReady
	// EndlessConflict lets every write of the Lease meet another version.
	EndlessConflict
	// NoSecondClock takes the unit's time from the boot clock alone.
	NoSecondClock

	mutations = int(NoSecondClock) + 1
)

// String describes what is broken.
func (m Mutation) String() string {
	return [mutations]string{
		"nothing", "half of a grant is waited for", "a grant is not waited for", "a lease is not waited for",
		"a gate with a relative timer", "a Lease without compare-and-swap", "a lost answer is taken for a good one",
		"a permit is counted from the answer", "clocks run further apart than allowed",
		"grants do not stop when the Lease is taken", "a gate that only says it is closed",
		"a gate that is not shortened before pairing", "relinquishing before the gate is closed",
		"a process that is started again is the one before", "a standby that holds nothing counts as in sync",
		"relinquishing frames are lost", "no standby is ready", "every write of the Lease meets another version",
		"no second clock shows that the machine was stopped",
	}[m]
}

// FindMutation returns the mutation whose description contains the text, and Faithful without a text.
func FindMutation(text string) (Mutation, error) {
	names := make([]string, 0, mutations)
	for m := Faithful; int(m) < mutations; m++ {
		if text == "" || m != Faithful && strings.Contains(m.String(), text) {
			return m, nil
		}
		names = append(names, m.String())
	}
	return Faithful, fmt.Errorf("no mutation is called %q; there are: %s", text, strings.Join(names[1:], "; "))
}

// Break is a mutation, and the rule that its consequences violate: others are not looked at then. The zero Break breaks
// nothing, and looks at all.
type Break struct {
	Mutation Mutation
	Shows    Rule
}

// mutatePlan changes what is wrong from the start.
func (b Break) mutatePlan(p Plan) Plan {
	switch b.Mutation {
	case WildClocks:
		n := &noise{}
		n.seed(p.Seed, 0x77696c64)
		p.drawClocks(n, 5*maxDrift)
	case NoLeaseWait:
		p.Units[1].Machine.LeaseDuration /= impatience
	default:
	}
	return p
}

// mutateFact changes what the machine is told.
func (u *unit) mutateFact(f ha.Fact) ha.Fact {
	switch u.world.broken.Mutation {
	case HalfGrant, NoWait:
		if h, isHeartbeat := f.(ha.HeartbeatReceived); isHeartbeat {
			h.Grant /= 2
			if u.world.broken.Mutation == NoWait {
				h.Grant = 0
			}
			return h
		}
	case NoLeaseWait:
		if u.index == 1 {
			return impatient(f)
		}
	case NeverReady:
		if a, isAcknowledgement := f.(ha.HeartbeatAcknowledged); isAcknowledgement {
			a.Ready = false
			return a
		}
	default:
	}
	return f
}

// impatience is how much sooner than it may a unit takes a lease that is not waited for.
const impatience = 5

func impatient(f ha.Fact) ha.Fact {
	switch f := f.(type) {
	case ha.LeaseSeen:
		f.Record.Duration /= impatience
		return f
	case ha.LeaseAnswered:
		f.Record.Duration /= impatience
		return f
	default:
		return f
	}
}

// lateness returns how late the answer came by which the unit got its permit.
func (u *unit) lateness() time.Duration {
	if u.machine.Permit().Source == ha.Peer {
		return u.world.line.ackLate[u.index]
	}
	return u.answerLate
}
