package hapair

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// A pair of which one unit cannot hold an address is in sync and redundant. A person must see it all the same.
func TestDegradedNamesTheFaultOfAUnit(t *testing.T) {
	const fault = "interface lan has no IPv6"
	check := func(healthy bool) unitFacts {
		c := v1alpha1.UnitHealth{Name: "addresses/lan", Healthy: healthy}
		if !healthy {
			c.Message = fault
		}
		return unitFacts{report: &v1alpha1.HAUnitStatus{Health: []v1alpha1.UnitHealth{c}}}
	}
	good := metav1.Condition{Status: metav1.ConditionTrue}
	for name, test := range map[string]struct {
		primary, secondary       unitFacts
		redundant, synchronized  metav1.Condition
		status                   metav1.ConditionStatus
		reason, message, missing string
	}{
		"both healthy": {
			check(true), check(true), good, good, metav1.ConditionFalse, v1alpha1.ReasonHealthy, "", "addresses",
		},
		"the active": {
			check(false), check(true), good, good, metav1.ConditionTrue, v1alpha1.ReasonUnitUnhealthy,
			"Unit primary fails check addresses/lan: " + fault, "secondary",
		},
		"both": {
			check(false), check(false), good, good, metav1.ConditionTrue, v1alpha1.ReasonUnitUnhealthy,
			"; unit secondary fails check addresses/lan", "Healthy",
		},
		"out of sync": {
			check(false), check(true), good,
			metav1.Condition{Status: metav1.ConditionFalse},
			metav1.ConditionTrue, v1alpha1.ReasonNotSynchronized, "would lose connections", fault,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scope{facts: facts{units: map[v1alpha1.Unit]unitFacts{
				v1alpha1.Primary: test.primary, v1alpha1.Secondary: test.secondary,
			}}}
			s.pair = &v1alpha1.HAPair{}
			got := degraded(s, test.redundant, test.synchronized)
			if got.Status != test.status || got.Reason != test.reason || !strings.Contains(got.Message, test.message) ||
				strings.Contains(got.Message, test.missing) {
				t.Errorf("%+v", got)
			}
		})
	}
}

// A person may have written any number into the Lease. It is told, and the known term stays.
func TestInvalidTermOfTheLeaseIsTold(t *testing.T) {
	good := metav1.Condition{Status: metav1.ConditionTrue}
	for name, test := range map[string]struct {
		transitions, known, term int64
		reason                   string
	}{
		"next term":           {7, 6, 7, v1alpha1.ReasonHealthy},
		"first sight":         {1 << 25, 0, 1 << 25, v1alpha1.ReasonHealthy},
		"Lease created again": {1, 6, 1, v1alpha1.ReasonHealthy},
		"largest number":      {1<<31 - 1, 6, 6, v1alpha1.ReasonLeaseTermInvalid},
		"negative number":     {-5, 6, 6, v1alpha1.ReasonLeaseTermInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scope{pair: &v1alpha1.HAPair{}}
			s.facts.observeTerm(test.transitions, test.known)
			if got := degraded(s, good, good); s.facts.term != test.term || got.Reason != test.reason {
				t.Errorf("term %d, %+v", s.facts.term, got)
			}
		})
	}
}
