package server

import (
	"net/http"
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/localapi"
)

// pingInterval returns the time between two pings.
func pingInterval() time.Duration { return time.Duration(localapi.Bounds().PingSeconds) * time.Second }

// listClass lists a class, and follows it if that was asked.
func (s *Server) listClass(w http.ResponseWriter, r *request) *localapi.Problem {
	if r.class.kernel != nil {
		return s.listKernelClass(w, r)
	}
	follower := s.board.follow()
	defer follower.close()
	watch := r.class.table.Watch(r.class.prefix)
	defer watch.Close()
	out := newStream(w, s.config.StallTimeout)
	if s.list(out, r.class, watch, follower) != nil || r.query["watch"] != "true" {
		return nil // The client has gone, or has everything.
	}
	defer s.held.watch(r.heldBy())()
	s.config.Metrics.watches.WithLabelValues(r.provider.Name).Inc()
	defer s.config.Metrics.watches.WithLabelValues(r.provider.Name).Dec()
	ping := time.NewTicker(pingInterval())
	defer ping.Stop()
	for {
		select {
		case <-r.Context().Done():
			return nil
		case <-ping.C:
			out.event(localapi.Event{Type: localapi.Ping})
		case <-watch.Wake():
		case <-follower.wake:
		}
		if pass(out, r.class, watch, follower) != nil {
			return nil // The client has gone or does not read, or it has to list again.
		}
	}
}

// list writes all entries.
func (s *Server) list(out *stream, c class, watch *table.Watch, follower *follower) error {
	entries, revision, err := watch.Take()
	if err != nil {
		return err
	}
	out.event(localapi.Event{
		Type: localapi.List, Role: follower.seen.role, Term: follower.seen.term, Revision: revision,
	})
	for _, e := range entries {
		if err := out.change(e, strings.TrimPrefix(e.Key, c.prefix)); err != nil {
			return err
		}
	}
	out.event(localapi.Event{Type: localapi.Listed, Revision: revision})
	return out.flush()
}

// pass writes what has happened. Changes come before the role Active: a new active had all of them. They come after any
// other role, since a provider does not follow its class before it knows that.
func pass(out *stream, c class, watch *table.Watch, follower *follower) error {
	roles := follower.take()
	changes, _, err := watch.Take()
	if err != nil {
		return err
	}
	roles = append(roles, follower.takeLoss()...)
	writeRoles := func() {
		for _, e := range roles {
			out.event(e)
		}
	}
	if follower.seen.role != localapi.Active {
		writeRoles()
		roles = nil
	}
	for _, change := range changes {
		if err := out.change(change, strings.TrimPrefix(change.Key, c.prefix)); err != nil {
			return err
		}
	}
	writeRoles()
	return out.flush()
}
