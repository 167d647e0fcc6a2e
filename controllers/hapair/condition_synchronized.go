package hapair

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// synchronized returns Synchronized: both units report that the standby holds the state of the active.
func synchronized(s *scope) metav1.Condition {
	const condition = v1alpha1.ConditionSynchronized
	active, standby := s.facts.active(), s.facts.standby()
	switch {
	case standby == "":
		return conditionFalse(condition, v1alpha1.ReasonNoStandby, "There is no standby that could hold the state")
	case s.facts.synchronized():
		return conditionTrue(condition, v1alpha1.ReasonInSync, "Unit %s holds the state of unit %s", standby, active)
	}
	for _, unit := range []v1alpha1.Unit{active, standby} {
		c := s.facts.units[unit].condition(condition)
		if c == nil || c.Status != metav1.ConditionFalse {
			continue
		}
		switch c.Reason {
		case v1alpha1.ReasonPeerDisconnected:
			return conditionFalse(condition, c.Reason, "Unit %s has no session with its peer%s",
				unit, quoteAfterColon(c.Message))
		case v1alpha1.ReasonTableFull:
			return conditionFalse(condition, c.Reason, "Unit %s cannot hold all of the state%s",
				unit, quoteAfterColon(c.Message))
		case v1alpha1.ReasonProviderBehind:
			return conditionFalse(condition, c.Reason, "Unit %s has the state, and its providers have not taken it over%s",
				unit, quoteAfterColon(c.Message))
		}
	}
	for _, unit := range []v1alpha1.Unit{active, standby} {
		if s.facts.units[unit].condition(condition) == nil {
			return conditionUnknown(condition, v1alpha1.ReasonNotReported,
				"Unit %s has not reported whether the standby holds the state", unit)
		}
	}
	return conditionFalse(condition, v1alpha1.ReasonSynchronizing,
		"The state of unit %s is being transferred to unit %s", active, standby)
}
