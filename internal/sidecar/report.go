package sidecar

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/ha"
	"github.com/hapair-io/hapair/internal/contract"
)

// report tells the cluster how the unit became active, beside the Lease.
func (s *Sidecar) report(r ha.Report) {
	sessions := int64(-1)
	if s.config.Sessions != nil {
		var err error
		if sessions, err = s.config.Sessions(); err != nil {
			s.log.Error(err, "Counting sessions for the report of the failover")
		}
	}
	text, err := json.Marshal(reportOf(r, unitOf(s.config.HA.Self), sessions, time.Now()))
	if err != nil {
		s.log.Error(err, "Reporting the failover")
		return
	}
	s.config.Lease.Report(r.Term, string(text))
}

// reportOf is the report as the operator reads it.
func reportOf(r ha.Report, unit string, sessions int64, now time.Time) contract.FailoverReport {
	took := func(stage ha.Stage) int64 { return r.Stages[stage].Took.Microseconds() }
	report := contract.FailoverReport{
		Term: r.Term, Unit: unit, Cause: r.Cause.String(), At: now.UTC().Format(time.RFC3339Nano),
		ClaimedMicroseconds:   (r.StartedAt - r.DecidedAt).Microseconds(),
		FencedMicroseconds:    took(ha.FenceConfirmed),
		CommittedMicroseconds: took(ha.StateCommitted),
		OpenedMicroseconds:    took(ha.GateOpen),
		AttachedMicroseconds:  took(ha.AddressesAttached),
		AnnouncedMicroseconds: took(ha.Announced),
		VerifiedMicroseconds:  took(ha.Verified),
		TotalMicroseconds:     (r.EndedAt - r.DecidedAt).Microseconds(),
		SessionsHeld:          sessions,
	}
	if r.Cause == ha.CauseSilence || r.Cause == ha.CauseExpiry {
		report.DetectedMicroseconds = (r.DecidedAt - r.HeardAt).Microseconds()
		report.TotalMicroseconds += report.DetectedMicroseconds
	}
	return report
}

// unitOf is the unit of an incarnation.
func unitOf(i ha.Incarnation) string {
	unit, _, _ := strings.Cut(string(i), "/")
	return unit
}
