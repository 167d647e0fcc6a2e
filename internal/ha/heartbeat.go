package ha

import "time"

// window is how many heartbeats back an acknowledgement still counts. It is longer than any grant that is of use: what
// comes later than that comes too late.
const window = 64

// beats are the heartbeats that this unit sends as the active, and what became of them.
type beats struct {
	sequence uint64
	nextAt   time.Duration
	sent     [window]sent
	echo     echo
}

// sent is a heartbeat: when it was sent, and for how long it asked.
type sent struct {
	at, grant time.Duration
}

// echo is the peer's answer to the heartbeats of the present term.
type echo struct {
	// from is who answers.
	from Incarnation
	// sequence is the newest one answered, sentAt when it was sent, and at when the answer came.
	sequence   uint64
	sentAt, at time.Duration
	// steadyFrom is since when answers come without a hole.
	steadyFrom time.Duration
	// promised is until when the peer will not become active.
	promised time.Duration
	ready    bool
	health   Health
	// betterFrom is since when the peer's health is the better one; zero while it is not.
	betterFrom time.Duration
}

// beat sends a heartbeat when it is time.
func (t *transition) beat() {
	b := &t.beats
	if t.config.HeartbeatInterval == 0 || !t.due(b.nextAt) {
		return
	}
	b.sequence++
	grant := t.grant()
	b.sent[b.sequence%window] = sent{at: t.at, grant: grant}
	b.nextAt = t.at + t.config.HeartbeatInterval
	t.due(b.nextAt)
	t.emit(SendHeartbeat{
		Term: t.lease.record.Term, Sequence: b.sequence, Grant: grant, Fenced: t.phase == fenced,
		Health: t.ownHealth(),
	})
}

// acknowledged takes in the peer's promise. It counts from when the heartbeat was sent that it answers, which was
// before the peer began to count.
func (t *transition) acknowledged(f HeartbeatAcknowledged) {
	b := &t.beats
	if !t.holds() || f.Term != t.lease.record.Term || f.Sequence > b.sequence || f.Sequence+window <= b.sequence {
		return
	}
	e := &b.echo
	if e.from != f.From {
		*e = echo{from: f.From, steadyFrom: t.at}
	}
	if f.Sequence <= e.sequence {
		return // Overtaken by a later one, or a copy.
	}
	if t.at-e.at > t.config.detect() {
		e.steadyFrom = t.at
	}
	e.sequence, e.at, e.ready, e.health = f.Sequence, t.at, f.Ready, f.Health
	answered := b.sent[f.Sequence%window]
	e.sentAt = answered.at
	e.promised = max(e.promised, answered.at+answered.grant)
}

// grant is how long a promise the peer is asked for: no longer than the Lease says, for that is all that a unit
// waits which knows of no promise, as the peer itself does once it was started again. An heir that has not written the
// Lease yet finds its giver's duration there.
func (m Machine) grant() time.Duration { return min(m.config.Grant, m.lease.record.Duration) }

// compareHealth notes since when the peer's health is the better one.
func (t *transition) compareHealth() {
	e := &t.beats.echo
	switch {
	case e.from == Nobody || !e.health.better(t.ownHealth()):
		e.betterFrom = 0
	case e.betterFrom == 0:
		e.betterFrom = t.at
	}
}

// ownHealth is what the monitors say, and the firewall itself.
func (m Machine) ownHealth() Health {
	h := m.health
	h.Firewall = m.firewallInForce
	return h
}

// silentAt is when the peer counts as silent to the active, whose heartbeat of that instant is the last that was
// answered. It counts from there, as the promise does: answers that come late leave little of it. And it is earlier
// than the same silence is to the standby: where only the link is lost, the one that has the traffic should keep it.
func (c Config) silentAt(last time.Duration) time.Duration {
	return last + c.detect() - c.HeartbeatInterval/2
}
