package sidecar

import (
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
)

// recordFailover notes how the unit became active, for its status.
func (s *Sidecar) recordFailover(r ha.Report) {
	record := failoverRecord(r, unitOf(s.formerHolder), unitOf(s.config.HA.Self), time.Now())
	if s.config.Connections != nil {
		count, err := s.config.Connections()
		if err != nil {
			s.log.Error(err, "Counting connections for the record of the failover")
		} else {
			record.ConnectionsHeld = &count
		}
	}
	if last := s.lastFailover; last != nil && last.Term == record.Term {
		// The cause became known later. The rest is as it was when the unit became active.
		known := *last
		known.Cause = record.Cause
		record = &known
	}
	s.lastFailover = record
}

// failoverRecord returns the record of a promotion that ended now.
func failoverRecord(r ha.Report, from, to string, now time.Time) *contract.FailoverRecord {
	record := &contract.FailoverRecord{
		From: from, To: to, Term: int64(r.Term), //nolint:gosec // A term fits the Lease's int32.
		Cause: r.Cause, Time: contract.MicroTime{Time: now},
	}
	for _, step := range r.Steps() {
		record.Steps = append(record.Steps, contract.FailoverStep{
			Name: step.Name, Microseconds: step.Duration.Microseconds(),
		})
	}
	return record
}

// unitOf returns the unit of an incarnation.
func unitOf(i ha.Incarnation) string {
	unit, _, _ := strings.Cut(string(i), "/")
	return unit
}
