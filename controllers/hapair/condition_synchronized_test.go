package hapair

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// The standby alone knows why it does not hold the state. The pair repeats that, and ceases to when it is over.
func TestSynchronizedRepeatsTheReasonOfTheStandby(t *testing.T) {
	for name, test := range map[string]struct{ reason, message, want, degraded string }{
		"a table is full": {
			v1alpha1.ReasonTableFull, "the table of class FTP is full",
			"Unit secondary cannot hold all of the state: the table of class FTP is full",
			"A failover now would lose connections: unit secondary cannot hold all of the state: the table of class FTP is full",
		},
		"a provider is behind": {
			v1alpha1.ReasonProviderBehind, "provider kea lacks changes of class leases",
			"Unit secondary has the state, and its providers have not taken it over: provider kea lacks changes of class leases",
			"A failover now would lose state: unit secondary has the state, and its providers have not taken it over: " +
				"provider kea lacks changes of class leases",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := settledScope()
			conditions := &s.facts.units[v1alpha1.Secondary].report.Conditions
			meta.SetStatusCondition(conditions, conditionFalse(v1alpha1.ConditionSynchronized, test.reason, "%s", test.message))
			got := synchronized(s)
			if got.Status != metav1.ConditionFalse || got.Reason != test.reason || got.Message != test.want {
				t.Errorf("got %+v, want %q", got, test.want)
			}
			good := metav1.Condition{Status: metav1.ConditionTrue}
			if d := degraded(s, good, got); d.Reason != v1alpha1.ReasonNotSynchronized || d.Message != test.degraded {
				t.Errorf("got %+v, want %q", d, test.degraded)
			}
			meta.SetStatusCondition(conditions, conditionTrue(v1alpha1.ConditionSynchronized, v1alpha1.ReasonInSync, ""))
			if got := synchronized(s); got.Status != metav1.ConditionTrue {
				t.Errorf("afterwards: %+v", got)
			}
		})
	}
}
