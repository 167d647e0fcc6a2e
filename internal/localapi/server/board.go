package server

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/notify"
)

// standing is the role of the unit, and the term since which it has it.
type standing struct {
	role localapi.Role
	term uint64
}

// board shows the standing of the unit. It is set without waiting for anybody, and counts for writes at once. The
// tables follow, and then those who read the board.
type board struct {
	current atomic.Pointer[standing]
	changed notify.Signal

	mu sync.Mutex
	// shown is the standing that the tables have too. handovers counts the announcements.
	shown     standing
	handovers uint64
	followers map[*follower]struct{}
}

func newBoard() *board {
	b := &board{changed: notify.New(), followers: map[*follower]struct{}{}}
	b.shown = standing{role: localapi.None}
	b.current.Store(&b.shown)
	return b
}

// set changes the standing.
func (b *board) set(s standing) {
	b.current.Store(&s)
	b.changed.Notify()
}

// now returns the standing that counts for writes.
func (b *board) now() standing { return *b.current.Load() }

// visible returns the standing that the tables and the followers have.
func (b *board) visible() standing {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.shown
}

// run calls apply when the unit becomes active or is no longer. Then it shows the standing to the followers, and calls
// settle. It runs until ctx ends. A standby that keeps its role is not applied again: its tables may have committed for
// the next one.
func (b *board) run(ctx context.Context, apply, settle func(isActive bool)) {
	for isActive := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-b.changed:
		}
		now := b.now()
		was := isActive
		isActive = now.role == localapi.Active
		if isActive != was {
			apply(isActive)
		}
		b.mu.Lock()
		b.shown = now
		b.notify()
		b.mu.Unlock()
		if isActive != was {
			settle(isActive)
		}
	}
}

// announceHandover adds an event for the followers: the role is about to be handed over.
func (b *board) announceHandover() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.handovers++
	b.notify()
}

// notify wakes the followers. The caller holds the lock.
func (b *board) notify() {
	for f := range b.followers {
		f.wake.Notify()
	}
}

// follower reads a board. Only one caller at a time may use it.
type follower struct {
	board     *board
	wake      notify.Signal
	seen      standing
	handovers uint64
}

// follow returns a follower that has seen the present standing.
func (b *board) follow() *follower {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := &follower{board: b, wake: notify.New(), seen: b.shown, handovers: b.handovers}
	b.followers[f] = struct{}{}
	return f
}

// close ends the follower.
func (f *follower) close() {
	f.board.mu.Lock()
	defer f.board.mu.Unlock()
	delete(f.board.followers, f)
}

// take returns what has happened since the last call, as events.
func (f *follower) take() []localapi.Event {
	f.board.mu.Lock()
	defer f.board.mu.Unlock()
	return f.takeLocked()
}

// takeLoss returns the same as take if the unit is not active, and otherwise nothing.
func (f *follower) takeLoss() []localapi.Event {
	f.board.mu.Lock()
	defer f.board.mu.Unlock()
	if f.board.shown.role == localapi.Active {
		return nil
	}
	return f.takeLocked()
}

func (f *follower) takeLocked() []localapi.Event {
	var events []localapi.Event
	if f.board.handovers != f.handovers {
		f.handovers = f.board.handovers
		events = append(events, localapi.Event{Type: localapi.HandoverSoon, Term: f.seen.term})
	}
	now := f.board.shown
	switch {
	case now.role != f.seen.role:
		events = append(events, now.event(localapi.RoleChanged))
	case now.term != f.seen.term:
		events = append(events, now.event(localapi.TermChanged))
	}
	f.seen = now
	return events
}

func (s standing) event(t localapi.EventType) localapi.Event {
	return localapi.Event{Type: t, Role: s.role, Term: s.term}
}
