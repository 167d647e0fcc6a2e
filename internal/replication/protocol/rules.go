package protocol

import (
	"errors"
	"fmt"
	"slices"

	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// ErrProtocol is of a frame that may not be sent at that point.
var ErrProtocol = errors.New("replication protocol violated")

// Verdict is what to do with a frame.
type Verdict uint8

// The verdicts.
const (
	// Take: act on it.
	Take Verdict = iota + 1
	// Refuse: pass over it without an answer; its sender is not, or is no longer, whom this unit takes state from.
	Refuse
)

// View is what a unit does, and since which term.
type View struct {
	Role wire.Role
	Term uint64
}

// Session is what one unit knows of one conversation.
type Rules struct {
	hello   *wire.Hello
	version uint16
	classes []state.Class

	local, peer View
	// floor is the newest term that this unit knows of. It outlives the conversation: the engine hands it on.
	floor uint64

	inbound  map[state.Class]*inbound
	received uint64 // position of the last frame of state that came
	sent     uint64 // position of the last frame of state that went
	acked    uint64 // position up to which the peer has written everything
}

// inbound is how far a class has come on the standby.
type inbound struct {
	generation uint64
	count      uint64
	phase      phase
}

type phase uint8

const (
	phaseNone     phase = iota // nothing of the class was taken yet
	phaseSnapshot              // between Begin and SnapshotEnd
	phaseDelta                 // after SnapshotEnd
)

// New begins a conversation of which nothing was said yet, with what this unit will say in its Hello.
func New(hello *wire.Hello) *Rules {
	return &Rules{hello: hello, inbound: map[state.Class]*inbound{}}
}

// Greet takes the peer's Hello. It checks that the peer is who it should be and agrees on version and classes.
func (r *Rules) Greet(peer *wire.Hello, peerUnit string) error {
	if peer.Pair != r.hello.Pair || peer.Namespace != r.hello.Namespace || peer.Unit != peerUnit {
		return fmt.Errorf("%w: the peer says it is unit %q of pair %s/%s, expected is unit %q of %s/%s", ErrProtocol,
			peer.Unit, peer.Namespace, peer.Pair, peerUnit, r.hello.Namespace, r.hello.Pair)
	}
	version, err := wire.Agree(r.hello, peer)
	if err != nil {
		return err
	}
	r.version = version
	for _, c := range r.hello.Classes {
		if slices.Contains(peer.Classes, c) {
			r.classes = append(r.classes, c)
		}
	}
	return nil
}

// Classes are what both units replicate.
func (r *Rules) Classes() []state.Class { return r.classes }

// SetLocal tells what this unit does from now on.
func (r *Rules) SetLocal(local View) {
	r.local = local
	r.floor = max(r.floor, local.Term)
	if local.Role != wire.RoleStandby {
		clear(r.inbound) // what was begun is not what a later life as standby would go on with
	}
}

// Local is what this unit does.
func (r *Rules) Local() View { return r.local }

// Floor is the newest term that this unit knows of.
func (r *Rules) Floor() uint64 { return r.floor }

// Raise tells of a term that this unit knows of.
func (r *Rules) Raise(term uint64) { r.floor = max(r.floor, term) }

// Peer is what the peer does.
func (r *Rules) Peer() View { return r.peer }

// Sends says whether state flows from this unit to the peer.
func (r *Rules) Sends() bool {
	return r.local.Role == wire.RoleActive && r.peer.Role == wire.RoleStandby && r.local.Term >= r.floor
}

// Takes says whether state flows from the peer to this unit.
func (r *Rules) Takes() bool {
	return r.local.Role == wire.RoleStandby && r.peer.Role == wire.RoleActive
}

// NextPosition is the position and the term of the next frame of state to be sent.
func (r *Rules) NextPosition() (position, term uint64) {
	r.sent++
	return r.sent, r.local.Term
}

// Sent is the position of the last frame of state that was sent.
func (r *Rules) Sent() uint64 { return r.sent }

// Acked is the position up to which the peer has written everything.
func (r *Rules) Acked() uint64 { return r.acked }

// Receive judges a frame that came.
func (r *Rules) Receive(f wire.Frame) (Verdict, error) {
	if r.version == 0 {
		return Refuse, fmt.Errorf("%w: a frame of kind %d before Hello", ErrProtocol, f.Kind())
	}
	switch f := f.(type) {
	case *wire.Hello:
		return Refuse, fmt.Errorf("%w: a second Hello", ErrProtocol)
	case *wire.RoleChange:
		r.peer = View{Role: f.Role, Term: f.Term}
		return Take, nil
	case *wire.DigestRequest:
		return r.state(f.Class, f.Term, f.Position, func(*inbound) (Verdict, error) { return Take, nil })
	case *wire.Begin:
		return r.state(f.Class, f.Term, f.Position, func(in *inbound) (Verdict, error) {
			*in = inbound{generation: f.Generation, phase: phaseSnapshot}
			return Take, nil
		})
	case *wire.Records:
		return r.state(f.Class, f.Term, f.Position, func(in *inbound) (Verdict, error) {
			in.count += uint64(len(f.Entries))
			return in.during(phaseSnapshot, f.Generation)
		})
	case *wire.SnapshotEnd:
		return r.state(f.Class, f.Term, f.Position, func(in *inbound) (Verdict, error) { return in.end(f) })
	case *wire.Delta:
		return r.state(f.Class, f.Term, f.Position, func(in *inbound) (Verdict, error) {
			return in.during(phaseDelta, in.generation)
		})
	case *wire.Ack:
		if f.Position > r.sent {
			return Refuse, fmt.Errorf("%w: position %d is acknowledged, %d were sent", ErrProtocol, f.Position, r.sent)
		}
		r.acked = max(r.acked, f.Position)
		return Take, nil
	case *wire.Sync:
		return r.fromActive(f.Term), nil
	case *wire.Barrier:
		return r.fromActive(f.Term), nil
	case *wire.Relinquish:
		if f.Term < r.floor {
			return Refuse, nil
		}
		r.floor = f.Term
		return Take, nil
	default: // BarrierAck, RelinquishAck, Resync, Digests, Ping, Bye
		return Take, nil
	}
}

// fromActive judges by role and term alone: state is taken by a standby, from whoever is active in the newest term.
func (r *Rules) fromActive(term uint64) Verdict {
	if r.local.Role != wire.RoleStandby || term < r.floor {
		return Refuse
	}
	r.floor = term
	return Take
}

// state judges a frame of state.
func (r *Rules) state(
	class state.Class, term, position uint64, judge func(*inbound) (Verdict, error),
) (Verdict, error) {
	if !slices.Contains(r.classes, class) {
		return Refuse, fmt.Errorf("%w: state of class %s, which is not replicated", ErrProtocol, class)
	}
	if position <= r.received {
		return Refuse, fmt.Errorf("%w: position %d after %d", ErrProtocol, position, r.received)
	}
	r.received = position
	if r.fromActive(term) == Refuse {
		return Refuse, nil
	}
	in := r.inbound[class]
	if in == nil {
		in = &inbound{}
		r.inbound[class] = in
	}
	return judge(in)
}

// during takes a frame in the phase that it is of. Before the first Begin it is refused: the snapshot that it is of
// began while this unit was not standby yet, and another follows.
func (in *inbound) during(p phase, generation uint64) (Verdict, error) {
	switch {
	case in.phase == phaseNone:
		return Refuse, nil
	case in.phase != p || in.generation != generation:
		return Refuse, fmt.Errorf("%w: state of generation %d in phase %d, expected are generation %d and phase %d",
			ErrProtocol, generation, p, in.generation, in.phase)
	default:
		return Take, nil
	}
}

func (in *inbound) end(f *wire.SnapshotEnd) (Verdict, error) {
	verdict, err := in.during(phaseSnapshot, f.Generation)
	if verdict != Take || err != nil {
		return verdict, err
	}
	if in.count != f.Count {
		return Refuse, fmt.Errorf("%w: a snapshot of %d entries ends with %d", ErrProtocol, f.Count, in.count)
	}
	in.phase = phaseDelta
	return Take, nil
}
