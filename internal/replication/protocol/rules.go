package protocol

import (
	"fmt"
	"slices"

	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// View is a unit's role, and the term since which it has it.
type View struct {
	Role wire.Role
	Term uint64
}

// Rules are the rules of one session, as one unit applies them. Apart from Positions they are not safe for concurrent
// use.
type Rules struct {
	// Positions are those of the frames that this unit sends.
	Positions Positions

	hello   *wire.Hello
	version uint16
	classes []state.Class

	local, peer View
	// floor is the newest term that this unit knows. It outlives the session: the engine passes it on.
	floor uint64

	inbound  map[state.Class]*inbound
	received uint64 // position of the last frame of state that arrived
}

// New returns the rules of a session before the first frame. Hello is the first frame that this unit sends.
func New(hello *wire.Hello) *Rules {
	return &Rules{hello: hello, inbound: map[state.Class]*inbound{}}
}

// Greet takes the peer's Hello. It fails if the peer is another unit than expected, or if the units have no version of
// the protocol in common.
func (r *Rules) Greet(peer *wire.Hello, peerUnit string) error {
	if peer.Pair != r.hello.Pair || peer.Namespace != r.hello.Namespace || peer.Unit != peerUnit {
		return fmt.Errorf("%w: the peer is unit %q of pair %s/%s, expected unit %q of pair %s/%s", ErrProtocol,
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

// Classes returns the classes that both units replicate.
func (r *Rules) Classes() []state.Class { return r.classes }

// Version returns the version of the protocol that both units use.
func (r *Rules) Version() uint16 { return r.version }

// SetLocal sets the role of this unit.
func (r *Rules) SetLocal(local View) {
	r.local = local
	r.floor = max(r.floor, local.Term)
	if local.Role != wire.RoleStandby {
		clear(r.inbound) // the unit must not continue these snapshots when it is standby again
	}
}

// Local returns the role of this unit.
func (r *Rules) Local() View { return r.local }

// Floor returns the newest term that this unit knows.
func (r *Rules) Floor() uint64 { return r.floor }

// Raise records a term that this unit knows.
func (r *Rules) Raise(term uint64) { r.floor = max(r.floor, term) }

// Peer returns the role of the peer.
func (r *Rules) Peer() View { return r.peer }

// Sends reports whether state flows from this unit to the peer.
func (r *Rules) Sends() bool {
	return r.local.Role == wire.RoleActive && r.peer.Role == wire.RoleStandby && r.local.Term >= r.floor
}

// Takes reports whether state flows from the peer to this unit.
func (r *Rules) Takes() bool {
	return r.local.Role == wire.RoleStandby && r.peer.Role == wire.RoleActive
}

// Receive judges a frame that arrived.
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
			in.begin(f.Generation)
			return Take, nil
		})
	case *wire.Records:
		return r.state(f.Class, f.Term, f.Position, func(in *inbound) (Verdict, error) { return in.records(f) })
	case *wire.SnapshotEnd:
		return r.state(f.Class, f.Term, f.Position, func(in *inbound) (Verdict, error) { return in.end(f) })
	case *wire.Delta:
		return r.state(f.Class, f.Term, f.Position, func(in *inbound) (Verdict, error) {
			return in.take(phaseDelta, in.generation)
		})
	case *wire.Ack:
		if err := r.Positions.acknowledge(f.Position); err != nil {
			return Refuse, err
		}
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
	case *wire.BarrierAck, *wire.RelinquishAck, *wire.Resync, *wire.Digests, *wire.Addresses, *wire.Ping,
		*wire.Bye:
		return Take, nil
	}
	return Refuse, fmt.Errorf("%w: a frame of unknown kind %d", ErrProtocol, f.Kind())
}

// fromActive judges a frame by role and term alone: a standby takes state from the active of the newest term.
func (r *Rules) fromActive(term uint64) Verdict {
	if r.local.Role != wire.RoleStandby || term < r.floor {
		return Refuse
	}
	r.floor = term
	return Take
}

// state judges a frame of state. It calls judge for what depends on the class's progress.
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
