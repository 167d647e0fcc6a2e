package simulation

import (
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

// line carries heartbeats and acknowledgements: datagrams, each sealed with the key of a session.
type line struct {
	world *world
	noise noise
	// cutUntil is when what the unit sends arrives again.
	cutUntil [2]time.Duration
	// lossUntil is how long so many of a hundred are lost of what the unit sends.
	lossUntil [2]time.Duration
	loss      [2]int
	// Half of all are late by up to delay, or come again after up to repeat.
	delayUntil, repeatUntil time.Duration
	delay, repeat           time.Duration
	// newest is the sequence of the newest heartbeat, and sentAt when, by its sender's clock, each was sent, for
	// mutations.
	newest [2]uint64
	sentAt [2][64]time.Duration
	// ackLate is how long after the heartbeat its acknowledgement came.
	ackLate [2]time.Duration
}

func (l *line) reset(w *world) {
	*l = line{world: w}
	l.noise.seed(w.plan.Noise, 2)
}

// cut reports whether what the unit sends is lost now.
func (l *line) cut(from int) bool { return l.world.now < l.cutUntil[from] }

// severed reports whether a connection between the units is dead. It needs both directions.
func (l *line) severed() bool { return l.cut(0) || l.cut(1) }

func (l *line) way() time.Duration {
	net := l.world.plan.Delays.Net
	return l.noise.between(net/10, net)
}

func (l *line) heartbeat(u *unit, e ha.SendHeartbeat) {
	l.newest[u.index] = e.Sequence
	l.sentAt[u.index][e.Sequence%64] = u.decidedAt
	l.send(u, ha.HeartbeatReceived{
		From: u.self, Term: e.Term, Sequence: e.Sequence, Grant: e.Grant, Fenced: e.Fenced, Health: e.Health,
	})
}

func (l *line) acknowledge(u *unit, e ha.AcknowledgeHeartbeat) {
	l.send(u, ha.HeartbeatAcknowledged{
		From: u.self, Term: e.Term, Sequence: e.Sequence, Ready: e.Ready, Health: e.Health,
	})
}

// send seals with the key of the newest session that the process had, and sends to the process at its other end.
func (l *line) send(u *unit, f ha.Fact) {
	w := l.world
	lost := l.cut(u.index) || w.now < l.lossUntil[u.index] && l.noise.chance(l.loss[u.index])
	if u.keys[0] == 0 || lost {
		return
	}
	ref := w.note(f)
	l.post(u, ref, l.way())
	if w.now < l.repeatUntil && l.noise.chance(50) {
		late := l.way() + l.noise.upTo(l.repeat)
		w.disturbed(w.now + late)
		l.post(u, ref, late)
	}
}

func (l *line) post(u *unit, ref uint32, way time.Duration) {
	w := l.world
	if w.now < l.delayUntil && l.noise.chance(50) {
		way += l.noise.upTo(l.delay)
		w.disturbed(w.now + way)
	}
	w.after(way, event{
		what: onDatagram, unit: uint8(1 - u.index), life: u.peerLife, number: u.keys[0], ref: ref,
	})
}

// arrive opens a datagram. The keys of two sessions are good: a new one may stand at one end before it does at the
// other.
func (l *line) arrive(u *unit, e event) {
	w := l.world
	if !u.alive || u.life != e.life || l.cut(1-u.index) || e.number != u.keys[0] && e.number != u.keys[1] {
		return
	}
	f := w.facts[e.ref]
	switch f := f.(type) {
	case ha.HeartbeatAcknowledged:
		l.ackLate[u.index] = u.local() - l.sentAt[u.index][f.Sequence%64]
	case ha.HeartbeatReceived:
		if w.broken.Mutation == EndlessGrant {
			l.send(u, ha.HeartbeatAcknowledged{
				From: u.self, Term: f.Term, Sequence: f.Sequence, Ready: true, Health: u.health,
			})
		}
	default: // no other fact arrives in a datagram
	}
	u.deliver(f)
}
