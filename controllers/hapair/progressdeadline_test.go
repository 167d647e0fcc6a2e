package hapair

import (
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// TestProgressDeadline checks a secondary that was created ten minutes ago against several deadlines.
func TestProgressDeadline(t *testing.T) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	const age = 10 * time.Minute
	waits := decisions{v1alpha1.Primary: {actionWait, "its peer does not hold its state yet"}}
	keeps := decisions{v1alpha1.Primary: {actionKeep, ""}}
	notInSync := seen{ready: true}
	tests := map[string]struct {
		unit     seen
		made     decisions
		deadline int32
		lost     time.Duration // since when it is not in sync, counted from its making
		want     string
		look     time.Duration
	}{
		"not ready for too long":                   {broken, waits, 600, 0, "become ready within 10m0s", 0},
		"not ready for too long, by default":       {broken, waits, 0, 0, "become ready within 10m0s", 0},
		"not ready for a while":                    {broken, waits, 630, 0, "", 30 * time.Second},
		"the first units of a pair do not start":   {broken, nil, 600, 0, "become ready", 0},
		"not in sync for too long":                 {notInSync, waits, 600, 0, "become in sync within 10m0s", 0},
		"not in sync for a while":                  {notInSync, waits, 700, 0, "", 100 * time.Second},
		"not in sync any more":                     {notInSync, waits, 600, 9 * time.Minute, "", 9 * time.Minute},
		"not in sync, and nobody waits for it":     {notInSync, keeps, 600, 0, "", 0},
		"ready and in sync":                        {good, waits, 600, 0, "", 0},
		"nothing was decided, since it was paused": {notInSync, nil, 600, 0, "", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pair := &v1alpha1.HAPair{}
			pair.Spec.Upgrade.ProgressDeadlineSeconds = test.deadline
			s := newScope(pair, logr.Discard())
			s.decisions = test.made
			s.facts = pairOf(v1alpha1.Primary, old, test.unit)
			pod := s.facts.units[v1alpha1.Secondary].pod
			pod.CreationTimestamp = metav1.NewTime(now.Add(-age))
			if !test.unit.inSync {
				pair.Status.Conditions = []metav1.Condition{{
					Type: v1alpha1.ConditionSynchronized, Status: metav1.ConditionFalse,
					LastTransitionTime: metav1.NewTime(now.Add(test.lost - age)),
				}}
			}
			r := &Reconciler{Now: func() time.Time { return now }}
			if got := r.overdue(s, v1alpha1.Secondary); (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := s.requeueAfter(now); got != test.look {
				t.Errorf("requeues after %s, want %s", got, test.look)
			}
		})
	}
}
