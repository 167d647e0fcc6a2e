package sidecar

import (
	"context"
	"errors"
	"fmt"

	"github.com/hapair-io/hapair/internal/ha"
	"github.com/hapair-io/hapair/internal/heartbeat"
)

// maxBeats bounds the heartbeats that wait while the loop is busy. Further ones are dropped.
const maxBeats = 64

// beat sends a heartbeat, or the answer to one. The machine treats one that cannot be sent like one that was lost.
func (s *Sidecar) beat(m heartbeat.Message) {
	if s.config.Heartbeats == nil {
		return
	}
	err := s.config.Heartbeats.Send(m)
	if problem := errorText(err); problem != s.beatProblem {
		s.beatProblem = problem
		if err != nil && !errors.Is(err, heartbeat.ErrNoPeer) {
			s.log.Error(err, "Sending heartbeat")
		}
	}
}

// hear passes the peer's heartbeats to the loop, and drops those for which the loop has no time.
func (s *Sidecar) hear(ctx context.Context) {
	if s.config.Heartbeats == nil {
		return
	}
	err := s.config.Heartbeats.Run(ctx, func(from string, m heartbeat.Message) {
		select {
		case s.beats <- factOf(ha.Incarnation(from), m):
		default:
		}
	})
	if err != nil && ctx.Err() == nil {
		s.fail(ctx, fmt.Errorf("receiving heartbeats: %w", err))
	}
}

func factOf(from ha.Incarnation, m heartbeat.Message) ha.Fact {
	if m.Acknowledgement {
		return ha.HeartbeatAcknowledged{
			From: from, Term: m.Term, Sequence: m.Sequence, Ready: m.Ready, Health: m.Health,
		}
	}
	return ha.HeartbeatReceived{
		From: from, Term: m.Term, Sequence: m.Sequence, Grant: m.Grant, Fenced: m.Fenced, Health: m.Health,
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
