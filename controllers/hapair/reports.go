package hapair

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// maxValue bounds a single value of a unit's report in bytes.
const maxValue = 64

// reportOf returns the status of a unit's HAUnit if the unit's current pod wrote it, and nil otherwise. The status of
// an earlier pod describes a process that no longer exists.
func reportOf(unit v1alpha1.Unit, u unitFacts, object *v1alpha1.HAUnit) *v1alpha1.HAUnitStatus {
	if u.pod == nil || !holds(object.Status.Incarnation, unit, u.pod.UID) {
		return nil
	}
	return &object.Status
}

// condition returns a condition that the unit reports; nil if it does not report it, or does not know.
func (u unitFacts) condition(condition string) *metav1.Condition {
	if u.report == nil {
		return nil
	}
	found := meta.FindStatusCondition(u.report.Conditions, condition)
	if found == nil || found.Status != metav1.ConditionTrue && found.Status != metav1.ConditionFalse {
		return nil
	}
	return found
}

// reportsTrue reports whether the unit reports a condition as True.
func (u unitFacts) reportsTrue(condition string) bool {
	c := u.condition(condition)
	return c != nil && c.Status == metav1.ConditionTrue
}

// role returns the role that the unit reports; empty if it reports none.
func (u unitFacts) role() v1alpha1.Role {
	if u.report == nil {
		return ""
	}
	return v1alpha1.Role(shorten(u.report.Role, maxValue))
}

// fence returns what closes the unit's gate; empty if the unit does not report it.
func (u unitFacts) fence() v1alpha1.Fence {
	if u.report == nil {
		return ""
	}
	return v1alpha1.Fence(shorten(u.report.Fence, maxValue))
}

// health returns whether the unit is healthy, nil if that is not known, and the checks that fail. A unit that is not
// ready any more may have reported health long ago; its last fault counts all the same.
func (u unitFacts) health() (healthy *bool, fault string) {
	if u.report == nil || len(u.report.Health) == 0 {
		return nil, ""
	}
	var faults []string
	for _, check := range u.report.Health {
		if !check.Healthy {
			faults = append(faults, check.Name+quoteAfterColon(check.Message))
		}
	}
	switch {
	case len(faults) > 0:
		return new(false), shorten(strings.Join(faults, "; "), maxQuoted)
	case u.ready():
		return new(true), ""
	default:
		return nil, ""
	}
}

// configurationHash returns the hash of the configuration that the unit's firewall enforces; empty if it enforces none.
func (u unitFacts) configurationHash() string {
	if u.report == nil {
		return ""
	}
	return shorten(u.report.ConfigurationHash, maxValue)
}

// missingParts returns which parts of the configuration the unit lacks and why, with the reason of its condition. Both
// are empty if it has all of them.
func (u unitFacts) missingParts() (reason, message string) {
	c := u.condition(v1alpha1.ConditionConfigurationApplied)
	if c == nil || c.Status != metav1.ConditionFalse || missingPart(c.Reason) == "" {
		return "", ""
	}
	return c.Reason, c.Message
}

// refusesConfiguration reports whether the unit's firewall refuses the configuration, and with which message.
func (u unitFacts) refusesConfiguration() (refuses bool, message string) {
	c := u.condition(v1alpha1.ConditionConfigurationApplied)
	if c == nil || c.Status != metav1.ConditionFalse {
		return false, ""
	}
	if c.Reason != v1alpha1.ReasonInvalid && c.Reason != v1alpha1.ReasonRefusedByUnit {
		return false, ""
	}
	return true, c.Message
}
