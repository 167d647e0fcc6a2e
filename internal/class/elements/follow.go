package elements

import (
	"context"
	"errors"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
)

const (
	// listenPause is the time after which a failed listener is tried again.
	listenPause = time.Second
	// keepInterval is how old the last listing of a set may be that rules fill, on a unit whose engine lists none.
	keepInterval = 2 * pollInterval
)

// follow keeps the elements of the sets in memory until ctx ends. When sets appear, it writes what they lack: the
// elements that wait for them, and those of a table that another program removed.
func (s *sink) follow(ctx context.Context) {
	for ctx.Err() == nil {
		events, isDrained, err := s.listener.Receive(ctx, time.Now().Add(keepInterval))
		switch {
		case errors.Is(err, nftables.ErrLost):
			err = s.reread()
		case err == nil:
			err = s.observe(events, isDrained)
		}
		if err != nil {
			backoff.Sleep(ctx, listenPause)
		}
	}
}

// observe records events, and writes what new sets lack.
func (s *sink) observe(events []nftables.SetEvent, isDrained bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, hasAppeared := time.Now(), false
	var lacking []nftables.ElementChange
	for _, e := range events {
		if e.Set != "" && !s.serves(e.Set) {
			continue
		}
		hasAppeared = hasAppeared || e.Kind == nftables.SetAdded
		if s.kept.observe(e, now) {
			lacking = append(lacking, s.kept.take(e.Set, now)...)
		}
	}
	if len(lacking) > 0 {
		// What the kernel refuses is of another type than before. What fails as a whole is sent by the next audit.
		_, _ = s.kernel.WriteElements(s.config.Table, lacking)
	}
	if hasAppeared {
		s.settle() // Afterwards, since the active sent these later.
	}
	if !isDrained || now.Sub(s.listed) < keepInterval {
		return nil
	}
	s.listed = now
	return s.listFilled(now)
}

// listFilled records the elements of sets that rules fill. The kernel notifies of none. The caller holds the lock.
func (s *sink) listFilled(now time.Time) error {
	all, err := s.list()
	for _, set := range all {
		if err == nil && set.IsFilledByRules {
			err = s.noteAll(set, now)
		}
	}
	return err
}

// noteAll records the elements of a set. It drops none: the set may have been removed meanwhile, and the notification
// follows.
func (s *sink) noteAll(set nftables.Set, now time.Time) error {
	elements, err := s.elements(set)
	for _, e := range elements {
		s.kept.note(set.Name, e, now)
	}
	return err
}

// keep records a listing of a set that rules fill.
func (s *sink) keep(set nftables.Set, listing []nftables.Element) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listed = time.Now()
	for _, e := range listing {
		s.kept.note(set.Name, e, s.listed)
	}
}

// reread forgets everything and records what the kernel has, since notifications are missing. An element that somebody
// removed must not return.
func (s *sink) reread() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = newKept()
	all, err := s.list()
	for _, set := range all {
		if err == nil {
			err = s.noteAll(set, time.Now())
		}
	}
	s.settle()
	return err
}
