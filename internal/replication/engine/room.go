package engine

import (
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/replication/wire"
)

// roomAfter is how long after changes had no room all of the class is asked for again. Entries end all the time, and
// somebody may have raised the limit; but each time costs both units a snapshot.
const roomAfter = 30 * time.Second

// room is whether a class has any on this unit.
type room struct {
	// askAt is when all of the class is asked for again; zero while everything had room, of the snapshot under way and
	// since the last one.
	askAt time.Time
}

// lacked tells whether something had none.
func (r *room) lacked() bool { return !r.askAt.IsZero() }

// begin begins a snapshot.
func (r *room) begin() { *r = room{} }

// took notes what became of changes, and tells whether it is the first time that some had no room.
func (r *room) took(outcome class.Outcome, now time.Time) (first bool) {
	if outcome.Refused[class.Full] == 0 || r.lacked() {
		return false
	}
	r.askAt = now.Add(roomAfter)
	return true
}

// ask tells whether it is time to ask for all of the class again.
func (r *room) ask(now time.Time) bool {
	if !r.lacked() || now.Before(r.askAt) {
		return false
	}
	r.askAt = now.Add(roomAfter)
	return true
}

// checkRoom tells of a class that has no room, and asks for it again in time.
func (a *applier) checkRoom(in *incoming, outcome class.Outcome) {
	now := time.Now()
	if in.room.took(outcome, now) {
		a.conversation.engine.events.put(SinkFull{Class: in.class.ID.String()})
	}
	if in.room.ask(now) {
		a.answer(&wire.Resync{Class: in.class.ID})
	}
}

// endOfSnapshot tells that everything had room, if it had.
func (a *applier) endOfSnapshot() {
	for _, in := range a.classes {
		if in.room.lacked() {
			return
		}
	}
	a.conversation.engine.events.put(SinkFull{})
}
