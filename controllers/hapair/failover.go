package hapair

import (
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// lastFailover is the report that the unit which became active last noted on the Lease, nil when there is none that can
// be read. Whoever may write the Lease may write anything there, and for nothing of it may the rest of the status wait.
func lastFailover(s *scope) *v1alpha1.FailoverStatus {
	if s.facts.failoverReport == "" {
		return nil
	}
	report, err := contract.ParseFailoverReport(s.facts.failoverReport)
	if err != nil {
		s.log.Info("Passing over the report of the last failover, which cannot be read", "reason", err.Error())
		return nil
	}
	at, err := report.Time()
	if err != nil {
		s.log.Info("Passing over the report of the last failover, whose time cannot be read", "reason", err.Error())
		return nil
	}
	status := &v1alpha1.FailoverStatus{
		Unit:  v1alpha1.Unit(report.Unit),
		Cause: v1alpha1.FailoverCause(report.Cause),
		Term:  int64(report.Term),
		// As precise as the API server keeps it, so that what is read back is the same.
		Time:                  metav1.NewMicroTime(at.Truncate(time.Microsecond)),
		DetectedMicroseconds:  report.DetectedMicroseconds,
		ClaimedMicroseconds:   report.ClaimedMicroseconds,
		FencedMicroseconds:    report.FencedMicroseconds,
		CommittedMicroseconds: report.CommittedMicroseconds,
		OpenedMicroseconds:    report.OpenedMicroseconds,
		AttachedMicroseconds:  report.AttachedMicroseconds,
		AnnouncedMicroseconds: report.AnnouncedMicroseconds,
		VerifiedMicroseconds:  report.VerifiedMicroseconds,
		TotalMicroseconds:     report.TotalMicroseconds,
	}
	if status.Cause == "" {
		status.Cause = v1alpha1.FailoverUnknown
	}
	if report.SessionsHeld >= 0 {
		status.SessionsHeld = &report.SessionsHeld
	}
	return status
}

// failoverTransition tells of each change of the active unit once it is over, with what it took.
func failoverTransition(before, after v1alpha1.HAPairStatus) []transition {
	last := after.LastFailover
	if last == nil || before.LastFailover != nil && before.LastFailover.Term == last.Term {
		return nil
	}
	told := noticeFailover
	if last.Cause.Planned() {
		told = noticeSwitchover
	}
	return []transition{{told, failoverNote(last)}}
}

func failoverNote(last *v1alpha1.FailoverStatus) string {
	var note strings.Builder
	fmt.Fprintf(&note, "Unit %s became active in term %d (%s) within %s:",
		last.Unit, last.Term, last.Cause, milliseconds(last.TotalMicroseconds))
	for _, step := range []struct {
		name string
		took int64
	}{
		{"detection", last.DetectedMicroseconds},
		{"claim", last.ClaimedMicroseconds},
		{"fence", last.FencedMicroseconds},
		{"commit", last.CommittedMicroseconds},
		{"open", last.OpenedMicroseconds},
		{"attach", last.AttachedMicroseconds},
		{"announce", last.AnnouncedMicroseconds},
		{"verify", last.VerifiedMicroseconds},
	} {
		fmt.Fprintf(&note, " %s %s,", step.name, milliseconds(step.took))
	}
	if last.SessionsHeld == nil {
		note.WriteString(" sessions held unknown")
	} else {
		fmt.Fprintf(&note, " sessions held %d", *last.SessionsHeld)
	}
	return note.String()
}

// milliseconds writes a number of microseconds as people compare them.
func milliseconds(microseconds int64) string {
	return fmt.Sprintf("%d.%01d ms", microseconds/1000, microseconds%1000/100)
}
