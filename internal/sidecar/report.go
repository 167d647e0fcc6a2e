package sidecar

import (
	"encoding/json"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
)

// report tells the cluster how the unit became active, beside the Lease.
func (s *Sidecar) report(r ha.Report) {
	sessions := int64(-1)
	if s.config.Connections != nil {
		var err error
		if sessions, err = s.config.Connections(); err != nil {
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
	took := map[string]int64{}
	for _, step := range r.Steps() {
		took[step.Name] = step.Duration.Microseconds()
	}
	return contract.FailoverReport{
		Term: r.Term, Unit: unit, Cause: string(r.Cause), At: now.UTC().Format(time.RFC3339Nano),
		DetectedMicroseconds:  took["Detected"],
		ClaimedMicroseconds:   took["Claimed"],
		FencedMicroseconds:    took["FenceConfirmed"],
		CommittedMicroseconds: took["StateCommitted"],
		OpenedMicroseconds:    took["GateOpen"],
		AttachedMicroseconds:  took["AddressesAttached"],
		AnnouncedMicroseconds: took["Announced"],
		VerifiedMicroseconds:  took["Verified"],
		TotalMicroseconds:     r.Total().Microseconds(),
		SessionsHeld:          sessions,
	}
}
