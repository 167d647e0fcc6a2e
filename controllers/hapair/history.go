package hapair

import (
	"slices"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// history returns the last changes of the active unit, newest first: those of the pair's status, and the one that each
// unit reports. A report that is implausible is ignored, since a unit must never keep the rest of the status from being
// published.
func history(s *scope) []v1alpha1.FailoverRecord {
	all := s.pair.Status.History
	for _, unit := range v1alpha1.Units() {
		report := s.facts.units[unit].report
		if report == nil || report.LastFailover == nil {
			continue
		}
		record := *report.LastFailover.DeepCopy()
		if err := validateRecord(record, unit, s.facts.term); err != nil {
			s.log.Info("Ignoring the report of the last failover", "unit", unit, "reason", err.Error())
			continue
		}
		all = withRecord(all, record, s.facts.term)
	}
	return all
}

// validateRecord checks a record as a unit would before it writes it. No unit can have become active in a term that the
// Lease has not reached; such a record would stay the newest forever.
func validateRecord(record v1alpha1.FailoverRecord, unit v1alpha1.Unit, leaseTerm int64) error {
	r := contract.FailoverRecord{
		From: record.From, To: record.To, Term: record.Term, Cause: contract.Cause(record.Cause),
		Time: contract.MicroTime{Time: record.Time.Time}, ConnectionsHeld: record.ConnectionsHeld,
	}
	for _, step := range record.Steps {
		r.Steps = append(r.Steps, contract.FailoverStep{Name: step.Name, Microseconds: step.Microseconds})
	}
	if err := (contract.UnitStatus{LastFailover: &r}).Validate(); err != nil {
		return err
	}
	switch {
	case record.To != string(unit):
		return errRecordOfPeer
	case record.Term > leaseTerm:
		return errFutureTerm
	default:
		return nil
	}
}

// withRecord returns the history with a record at its place, or the history as it is if it has the record.
func withRecord(
	all []v1alpha1.FailoverRecord, record v1alpha1.FailoverRecord, leaseTerm int64,
) []v1alpha1.FailoverRecord {
	// Terms start again with a new Lease. What was recorded with the earlier Lease is older, whatever its term.
	earlier := slices.IndexFunc(all, func(r v1alpha1.FailoverRecord) bool { return r.Term > leaseTerm })
	if earlier < 0 {
		earlier = len(all)
	}
	if slices.ContainsFunc(all[:earlier], func(r v1alpha1.FailoverRecord) bool { return r.Term == record.Term }) {
		return all
	}
	at := slices.IndexFunc(all[:earlier], func(r v1alpha1.FailoverRecord) bool { return r.Term < record.Term })
	if at < 0 {
		at = earlier
	}
	all = slices.Insert(slices.Clone(all), at, record)
	return all[:min(len(all), v1alpha1.MaxHistory)]
}
