package hapair

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

// configurationApplied returns ConfigurationApplied: both firewalls enforce the configuration of the spec.
func configurationApplied(s *scope) metav1.Condition {
	const condition = v1alpha1.ConditionConfigurationApplied
	if b := s.blockers.ofConfiguration(); b != nil {
		return configurationBlocked(b)
	}
	if !s.documentKnown {
		return conditionUnknown(condition, v1alpha1.ReasonNotObserved, "The configuration has not been read yet")
	}
	var pending []string
	for _, unit := range v1alpha1.Units() {
		if refused, message := s.facts.units[unit].refusesConfiguration(); refused {
			return conditionFalse(condition, v1alpha1.ReasonRefusedByUnit,
				"The firewall of unit %s refuses the configuration%s", unit, quoteAfterColon(message))
		}
		if !s.enforcesDocument(unit) {
			pending = append(pending, string(unit))
		}
	}
	if s.document == nil {
		return selfConfigured(pending)
	}
	wanted := document.Hash(s.document)
	if len(pending) > 0 {
		return conditionFalse(condition, v1alpha1.ReasonApplying, "Waiting for unit %s to enforce configuration %.12s",
			strings.Join(pending, " and unit "), wanted)
	}
	for _, unit := range v1alpha1.Units() {
		if reason, missing := s.facts.units[unit].missingParts(); reason != "" {
			return conditionFalse(condition, reason, "Unit %s enforces configuration %.12s without %s%s",
				unit, wanted, missingPart(reason), quoteAfterColon(missing))
		}
	}
	return conditionTrue(condition, v1alpha1.ReasonApplied, "Both units enforce configuration %.12s", wanted)
}

// missingPart returns what a unit lacks of a configuration that it enforces, by the reason of its condition. It returns
// nothing for other reasons.
func missingPart(reason string) string {
	switch reason {
	case v1alpha1.ReasonRoutesMissing:
		return "all of its routes"
	case v1alpha1.ReasonHelpersMissing:
		return "all of its helpers"
	case v1alpha1.ReasonMulticastMissing:
		return "its multicast"
	case v1alpha1.ReasonDHCPMissing:
		return "its DHCP server"
	case v1alpha1.ReasonDNSMissing:
		return "its DNS forwarder"
	case v1alpha1.ReasonNamesUnresolved:
		return "the addresses of all DNS names"
	default:
		return ""
	}
}

// selfConfigured returns ConfigurationApplied for a firewall whose image brings its own configuration.
func selfConfigured(pending []string) metav1.Condition {
	const condition = v1alpha1.ConditionConfigurationApplied
	if len(pending) > 0 {
		return conditionFalse(condition, v1alpha1.ReasonApplying,
			"Waiting for unit %s to enforce the configuration of its image", strings.Join(pending, " and unit "))
	}
	return conditionTrue(condition, v1alpha1.ReasonSelfConfigured,
		"Both units enforce the configuration of their image, since spec.firewall.configurationRef is not set")
}

// configurationBlocked returns ConfigurationApplied for a configuration that is missing or refused.
func configurationBlocked(b *blocker) metav1.Condition {
	reason, suffix := v1alpha1.ReasonInvalid, "; the last valid configuration stays in force"
	if b.kind == blockerMissingDocument {
		reason = v1alpha1.ReasonConfigurationNotFound
	}
	if b.fatal {
		suffix = ""
	}
	return conditionFalse(v1alpha1.ConditionConfigurationApplied, reason, "%s%s",
		shorten(b.message, maxMessage-len(suffix)), suffix)
}

// enforcesDocument reports whether the unit's firewall enforces the document that it should. Without a document any
// configuration that the firewall reports will do.
func (s *scope) enforcesDocument(unit v1alpha1.Unit) bool {
	enforced := s.facts.units[unit].configurationHash()
	if s.document == nil {
		return s.documentKnown && enforced != ""
	}
	return enforced == document.Hash(s.document)
}
