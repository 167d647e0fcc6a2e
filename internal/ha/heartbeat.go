package ha

import "time"

// window is how many heartbeats back an acknowledgement still counts. It is longer than any useful grant: an
// acknowledgement that comes later comes too late.
const window = 64

// beats holds the heartbeats that this unit sends as the active, and the answers to them.
type beats struct {
	sequence uint64
	nextAt   time.Duration
	sent     [window]sent
	answer   answer
}

// sent is a heartbeat: when it was sent, and how long a grant it requested.
type sent struct {
	at, grant time.Duration
}

// answer is the peer's answer to the heartbeats of the present term.
type answer struct {
	// from is who answers.
	from Incarnation
	// sequence is the newest one answered, sentAt when it was sent, and at when the answer came.
	sequence   uint64
	sentAt, at time.Duration
	// forgiven is set when a stall was forgiven since.
	forgiven bool
	// steadyFrom is since when answers come without a gap.
	steadyFrom time.Duration
	// grantedUntil is until when the peer does not become active.
	grantedUntil time.Duration
	ready        bool
	health       Health
	// betterFrom is since when the peer is the healthier unit; zero while it is not.
	betterFrom time.Duration
}

// beat sends a heartbeat when it is time.
func (t *transition) beat() {
	b := &t.beats
	if t.config.HeartbeatInterval == 0 {
		return
	}
	if t.reached(b.nextAt) {
		b.sequence++
		requested := t.requestedGrant()
		b.sent[b.sequence%window] = sent{at: t.at, grant: requested}
		b.nextAt = t.at + t.config.HeartbeatInterval
		t.emit(SendHeartbeat{
			Term: t.lease.record.Term, Sequence: b.sequence, Grant: requested, Fenced: t.phase == fenced,
			Health: t.ownHealth(),
		})
	}
	t.wakeAt(b.nextAt)
}

// heartbeatAcknowledged stores the peer's grant. It counts from when the heartbeat was sent, which was before the peer
// began to count.
func (t *transition) heartbeatAcknowledged(f HeartbeatAcknowledged) {
	b := &t.beats
	if !t.holds() || f.Term != t.lease.record.Term || f.Sequence > b.sequence || f.Sequence+window <= b.sequence {
		return
	}
	a := &b.answer
	if a.from != f.From {
		*a = answer{from: f.From, steadyFrom: t.at}
	}
	if f.Sequence <= a.sequence {
		return // It was overtaken by a later one, or is a copy.
	}
	if t.at-a.at > t.config.detect() {
		a.steadyFrom = t.at
	}
	a.sequence, a.at, a.ready, a.health = f.Sequence, t.at, f.Ready, f.Health
	answered := b.sent[f.Sequence%window]
	a.sentAt, a.forgiven = answered.at, false
	a.grantedUntil = max(a.grantedUntil, answered.at+answered.grant)
}

// requestedGrant returns how long a grant this unit requests. It is no longer than the duration in the Lease: a unit
// that knows of no grant waits no longer than that, and neither does the peer after a restart. A successor that has not
// written the Lease yet finds its giver's duration there.
func (m Machine) requestedGrant() time.Duration { return min(m.config.Grant, m.lease.record.Duration) }

// compareHealth notes since when the peer is the healthier unit.
func (t *transition) compareHealth() {
	a := &t.beats.answer
	switch {
	case a.from == Nobody || !a.health.isBetterThan(t.ownHealth()):
		a.betterFrom = 0
	case a.betterFrom == 0:
		a.betterFrom = t.at
	}
}

// ownHealth returns what the monitors and the firewall report.
func (m Machine) ownHealth() Health {
	h := m.health
	h.Firewall = m.firewallInForce
	return h
}

// silentAt returns when the active counts its peer as silent, if the heartbeat of the given instant is the last one
// that was answered. Like the grant, it counts from when the heartbeat was sent. It is earlier than lostAt for the same
// silence: when only the link between the units is lost, the active should keep the traffic.
func (c Config) silentAt(last time.Duration) time.Duration {
	return last + c.detect() - c.HeartbeatInterval/2
}

// lostAt returns when the standby counts its active as lost, if it heard nothing after the given instant.
func (c Config) lostAt(last time.Duration) time.Duration {
	return last + c.detect() + c.HeartbeatInterval/2
}
