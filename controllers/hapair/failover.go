package hapair

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

var (
	// errRecordOfPeer is the error of a record about a change to the other unit.
	errRecordOfPeer = errors.New("it describes how the other unit became active")
	// errFutureTerm is the error of a record whose term the Lease has not reached.
	errFutureTerm = errors.New("the Lease has not reached its term")
)

// failoverTransitions reports each completed change of the active unit once, oldest first.
func failoverTransitions(before, after v1alpha1.HAPairStatus) []transition {
	var all []transition
	for _, record := range slices.Backward(after.History) {
		known := slices.ContainsFunc(before.History, func(r v1alpha1.FailoverRecord) bool {
			return r.Term == record.Term && r.Time.Equal(&record.Time)
		})
		if known {
			continue
		}
		n := noticeSwitchover
		if cause := contract.Cause(record.Cause); cause == contract.CauseSilence || cause == contract.CauseExpiry {
			n = noticeFailover
		}
		all = append(all, transition{n, failoverNote(record)})
	}
	return all
}

// failoverNote describes a change of the active unit with the duration of each step.
func failoverNote(record v1alpha1.FailoverRecord) string {
	total, steps := int64(0), strings.Builder{}
	for _, step := range record.Steps {
		total += step.Microseconds
		fmt.Fprintf(&steps, "%s %s, ", step.Name, milliseconds(step.Microseconds))
	}
	held := "unknown"
	if record.ConnectionsHeld != nil {
		held = fmt.Sprint(*record.ConnectionsHeld)
	}
	return fmt.Sprintf("Unit %s became active in term %d (%s) within %s: %sconnections held %s",
		record.To, record.Term, record.Cause, milliseconds(total), steps.String(), held)
}

// milliseconds formats microseconds as milliseconds with one decimal.
func milliseconds(microseconds int64) string {
	return fmt.Sprintf("%d.%01d ms", microseconds/1000, microseconds%1000/100)
}
