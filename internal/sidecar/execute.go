package sidecar

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hapair-io/hapair/internal/addresses"
	"github.com/hapair-io/hapair/internal/gate"
	"github.com/hapair-io/hapair/internal/ha"
	"github.com/hapair-io/hapair/internal/heartbeat"
	"github.com/hapair-io/hapair/internal/localapi"
)

// Timeouts of effects that wait for the peer or for the state. Together they leave time in StopBudget for a release
// after a failed switchover.
const (
	commitTimeout = 2 * time.Second
	flushTimeout  = 5 * time.Second
	grantTimeout  = 2 * time.Second
)

// execute starts an effect. An effect on the host is complete when execute returns its answer. The others are answered
// through the loop when they end.
func (s *Sidecar) execute(ctx context.Context, effect ha.Effect) (answer ha.Fact, answered bool) {
	if log := s.log.V(verbosityOf(effect)); log.Enabled() {
		log.Info("Executing effect", "effect", fmt.Sprintf("%T%+v", effect, effect))
	}
	switch e := effect.(type) {
	case ha.CloseGate:
		return done(e.ID, s.config.Gate.Set(ctx, gate.Config{})), true
	case ha.WithdrawAddresses:
		return done(e.ID, s.config.Addresses.Set(ctx, addresses.Config{})), true
	case ha.OpenGate:
		return done(e.ID, s.config.Gate.Set(ctx, gate.Config{Until: e.Until})), true
	case ha.AttachAddresses:
		return done(e.ID, s.config.Addresses.Set(ctx, addresses.Config{Attached: true})), true
	case ha.Announce:
		return done(e.ID, s.config.Addresses.Announce(ctx)), true
	case ha.Verify:
		return done(e.ID, errors.Join(s.config.Gate.CheckOpen(), s.config.Addresses.Verify())), true
	case ha.SendHeartbeat:
		s.beat(heartbeat.Message{
			Term: e.Term, Sequence: e.Sequence, Grant: e.Grant, Fenced: e.Fenced, Health: e.Health,
		})
	case ha.AcknowledgeHeartbeat:
		s.beat(heartbeat.Message{
			Acknowledgement: true, Term: e.Term, Sequence: e.Sequence, Ready: e.Ready, Health: e.Health,
		})
	case ha.Become:
		s.setProviders(providerRole(e.Role), e.Term)
		s.config.Replication.Become(e.Role, e.Term)
		s.config.Configuration.Become(e.Role == ha.Active)
	case ha.CommitState:
		s.background(ctx, e.ID, commitTimeout, s.config.Replication.Commit)
	case ha.Flush:
		if s.config.Providers != nil {
			s.config.Providers.HandoverSoon()
		}
		s.background(ctx, e.ID, flushTimeout, s.config.Replication.Flush)
	case ha.Relinquish:
		s.relinquished = s.config.Now()
		s.setProviders(localapi.None, e.Term) // What is written from now on would not be sent.
		s.background(ctx, e.ID, grantTimeout, func(ctx context.Context) error {
			return s.config.Replication.Relinquish(ctx, e.Term, e.Sequence)
		})
	case ha.ReadLease:
		s.work(func() {
			outcome, record := s.config.Lease.Read(ctx)
			s.tell(ctx, ha.LeaseAnswered{ID: e.ID, Outcome: outcome, Record: record})
		})
	case ha.WriteLease:
		s.work(func() {
			outcome, record := s.config.Lease.Write(ctx, e.Record)
			s.tell(ctx, ha.LeaseAnswered{ID: e.ID, Outcome: outcome, Record: record})
		})
	case ha.Exit:
		s.health.exit()
	}
	return nil, false
}

// setProviders passes the role to the providers. They stop to write before replication ends.
func (s *Sidecar) setProviders(role localapi.Role, term uint64) {
	if s.config.Providers != nil {
		s.config.Providers.Become(role, term)
	}
}

// providerRole returns a role as providers know it.
func providerRole(role ha.Role) localapi.Role {
	switch role {
	case ha.Active:
		return localapi.Active
	case ha.Standby:
		return localapi.Standby
	default:
		return localapi.None
	}
}

// verbosityOf returns the verbosity from which an effect is logged. Effects of every heartbeat have a higher one.
func verbosityOf(effect ha.Effect) int {
	switch effect.(type) {
	case ha.SendHeartbeat, ha.AcknowledgeHeartbeat, ha.OpenGate:
		return 2
	default:
		return 1
	}
}

// background runs an effect that waits, bounded in time.
func (s *Sidecar) background(ctx context.Context, id uint64, limit time.Duration, do func(context.Context) error) {
	s.work(func() {
		limited, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		s.tell(ctx, done(id, do(limited)))
	})
}

func done(id uint64, err error) ha.EffectDone { return ha.EffectDone{ID: id, Err: err} }
