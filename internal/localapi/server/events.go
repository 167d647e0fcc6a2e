package server

import (
	"net/http"
	"time"

	"github.com/hapair-io/hapair/internal/localapi"
)

// followEvents writes the role of the unit, and each change of it.
func (s *Server) followEvents(w http.ResponseWriter, r *request) *localapi.Problem {
	follower := s.board.follow()
	defer follower.close()
	out := newStream(w, s.config.StallTimeout)
	out.event(follower.seen.event(localapi.RoleChanged))
	ping := time.NewTicker(pingInterval())
	defer ping.Stop()
	for out.flush() == nil {
		select {
		case <-r.Context().Done():
			return nil
		case <-ping.C:
			out.event(localapi.Event{Type: localapi.Ping})
		case <-follower.wake:
			for _, e := range follower.take() {
				out.event(e)
			}
		}
	}
	return nil // The client has gone, or does not read.
}
