package hapair

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

// conditionsOf are the pair's conditions, one function a condition. Without whole facts only what the spec lacks and
// what was refused can be told.
func conditionsOf(s *scope) []metav1.Condition {
	if !s.facts.whole {
		return []metav1.Condition{progressing(s)}
	}
	redundant, synchronized := redundant(s), synchronized(s)
	return []metav1.Condition{
		ready(s),
		redundant,
		synchronized,
		configurationApplied(s),
		progressing(s),
		degraded(redundant, synchronized),
		addressConflict(s),
	}
}

func yes(condition, reason, format string, args ...any) metav1.Condition {
	return metav1.Condition{
		Type: condition, Status: metav1.ConditionTrue, Reason: reason, Message: fmt.Sprintf(format, args...),
	}
}

func no(condition, reason, format string, args ...any) metav1.Condition {
	return metav1.Condition{
		Type: condition, Status: metav1.ConditionFalse, Reason: reason, Message: fmt.Sprintf(format, args...),
	}
}

// standby is the unit that would take over now; empty when none would.
func (f facts) standby() v1alpha1.Unit {
	active := f.active()
	if active == "" || !f.units[active.Peer()].useful() {
		return ""
	}
	return active.Peer()
}

func ready(s *scope) metav1.Condition {
	const condition = v1alpha1.ConditionReady
	active := s.facts.active()
	if own := s.facts.units[active]; active != "" && own.ready() {
		return yes(condition, v1alpha1.ReasonActive, "Unit %s is active on node %s", active, own.pod.Spec.NodeName)
	}
	if l := s.fatalLack(); l != nil {
		reason := v1alpha1.ReasonReferenceNotFound
		if l.kind == lackValidDocument {
			reason = v1alpha1.ReasonConfigurationInvalid
		}
		return no(condition, reason, "%s", l.message)
	}
	if active != "" {
		return no(condition, v1alpha1.ReasonNoActiveUnit, "Unit %s holds the Lease, but %s",
			active, notReadyBecause(s.facts.units[active]))
	}
	return no(condition, v1alpha1.ReasonNoActiveUnit, "No unit holds the Lease: %s", both(s.facts, notReadyBecause))
}

func redundant(s *scope) metav1.Condition {
	const condition = v1alpha1.ConditionRedundant
	active := s.facts.active()
	if active == "" {
		return no(condition, v1alpha1.ReasonStandbyMissing, "No unit is active that another could stand by for")
	}
	unit := active.Peer()
	own := s.facts.units[unit]
	switch {
	case own.useful():
		return yes(condition, v1alpha1.ReasonStandbyReady, "Unit %s stands by on node %s", unit, own.pod.Spec.NodeName)
	case !own.exists(), own.pod.Spec.NodeName == "", own.ended():
		return no(condition, v1alpha1.ReasonStandbyMissing, "Unit %s is missing: %s", unit, notReadyBecause(own))
	default:
		return no(condition, v1alpha1.ReasonStandbyNotReady, "Unit %s on node %s cannot take over: %s",
			unit, own.pod.Spec.NodeName, notReadyBecause(own))
	}
}

func synchronized(s *scope) metav1.Condition {
	const condition = v1alpha1.ConditionSynchronized
	active, standby := s.facts.active(), s.facts.standby()
	switch {
	case standby == "":
		return no(condition, v1alpha1.ReasonNoStandby, "There is no standby that could hold the state")
	case s.facts.synchronized():
		return yes(condition, v1alpha1.ReasonInSync, "Unit %s holds the state of unit %s", standby, active)
	}
	for _, unit := range []v1alpha1.Unit{active, standby} {
		c := s.facts.units[unit].condition(v1alpha1.PodConditionSynchronized)
		if c == nil || c.Status != corev1.ConditionFalse {
			continue
		}
		switch c.Reason {
		case v1alpha1.ReasonPeerDisconnected:
			return no(condition, c.Reason, "Unit %s has no connection to its peer%s", unit, colon(c.Message))
		case v1alpha1.ReasonTableFull:
			return no(condition, c.Reason, "Unit %s cannot hold all of the state%s", unit, colon(c.Message))
		}
	}
	return no(condition, v1alpha1.ReasonSynchronizing, "The state of unit %s is being transferred to unit %s",
		active, standby)
}

func configurationApplied(s *scope) metav1.Condition {
	const condition = v1alpha1.ConditionConfigurationApplied
	if l := s.documentLack(); l != nil {
		reason, rest := v1alpha1.ReasonInvalid, "; the last good document stays in force"
		if l.kind == lackDocument {
			reason = v1alpha1.ReasonConfigurationNotFound
		}
		if l.fatal {
			rest = ""
		}
		return no(condition, reason, "%s%s", shorten(l.message, maxMessage-len(rest)), rest)
	}
	if s.document == nil {
		return no(condition, v1alpha1.ReasonApplying, "The document was not looked at yet")
	}
	wanted := document.Hash(s.document)
	var pending []string
	for _, unit := range v1alpha1.Units() {
		own := s.facts.units[unit]
		c := own.condition(v1alpha1.PodConditionConfigurationApplied)
		if c != nil && c.Status == corev1.ConditionFalse && c.Reason == v1alpha1.ReasonInvalid {
			return no(condition, v1alpha1.ReasonRefusedByUnit, "The firewall of unit %s refuses the document%s",
				unit, colon(c.Message))
		}
		if own.configurationHash() != wanted {
			pending = append(pending, string(unit))
		}
	}
	if len(pending) > 0 {
		return no(condition, v1alpha1.ReasonApplying, "Waiting for unit %s to enforce document %.12s",
			strings.Join(pending, " and unit "), wanted)
	}
	return yes(condition, v1alpha1.ReasonApplied, "Both units enforce document %.12s", wanted)
}

func progressing(s *scope) metav1.Condition {
	const condition = v1alpha1.ConditionProgressing
	if s.refused != "" {
		return no(condition, v1alpha1.ReasonBlocked, "%s", s.refused)
	}
	if len(s.lacks) > 0 {
		return no(condition, v1alpha1.ReasonBlocked, "%s", s.lacks[0].message)
	}
	if s.certificatesPending != nil {
		return no(condition, s.certificatesPending.Reason, "%s", upper(s.certificatesPending.Message))
	}
	var creating, updating, held []string
	for _, unit := range v1alpha1.Units() {
		own, made := s.facts.units[unit], s.decisions[unit]
		switch {
		case own.trouble != "":
			return no(condition, v1alpha1.ReasonBlocked, "Unit %s: %s", unit, own.trouble)
		case own.stalled != "":
			return no(condition, v1alpha1.ReasonStalled, "Unit %s: %s", unit, own.stalled)
		case made.action == actionAsk:
			return yes(condition, v1alpha1.ReasonSwitchoverAwaited, "Unit %s: %s", unit, lower(made.why))
		case made.action == actionReplace || made.action == actionForget || made.action == actionWait:
			updating = append(updating, fmt.Sprintf("unit %s: %s", unit, lower(made.why)))
		case made.action == actionHold:
			held = append(held, fmt.Sprintf("unit %s: %s", unit, lower(made.why)))
		case !own.ready():
			creating = append(creating, fmt.Sprintf("unit %s: %s", unit, notReadyBecause(own)))
		}
	}
	switch {
	case len(updating) > 0:
		return yes(condition, v1alpha1.ReasonUpdating, "%s", upper(strings.Join(updating, "; ")))
	case len(creating) > 0:
		return yes(condition, v1alpha1.ReasonCreating, "%s", upper(strings.Join(creating, "; ")))
	case s.pair.Spec.Paused:
		return no(condition, v1alpha1.ReasonPaused, "%s", pausedMessage(held))
	default:
		return no(condition, v1alpha1.ReasonSettled, "Both units are what the spec says")
	}
}

// pausedMessage says what a pause means, so that one that was forgotten is understood, and what waits for its end.
func pausedMessage(held []string) string {
	const message = "spec.paused is set: no unit is replaced, and none hands over for health or preference"
	if len(held) == 0 {
		return message
	}
	return message + "; " + strings.Join(held, "; ")
}

// degraded follows from two others; it is what an alert is put on.
func degraded(redundant, synchronized metav1.Condition) metav1.Condition {
	const condition = v1alpha1.ConditionDegraded
	switch {
	case redundant.Status != metav1.ConditionTrue:
		return yes(condition, v1alpha1.ReasonRedundancyLost, "%s", redundant.Message)
	case synchronized.Status != metav1.ConditionTrue:
		return yes(condition, v1alpha1.ReasonNotSynchronized, "A failover now would lose connections: %s",
			lower(synchronized.Message))
	default:
		return no(condition, v1alpha1.ReasonHealthy, "Either unit can take over from the other without loss")
	}
}

// addressConflict is what the active unit hears on its segments: the standby has no address that could be in conflict.
func addressConflict(s *scope) metav1.Condition {
	const condition = v1alpha1.ConditionAddressConflict
	active := s.facts.active()
	c := s.facts.units[active].condition(v1alpha1.PodConditionAddressConflict)
	switch {
	case active == "":
		return no(condition, v1alpha1.ReasonNoConflict, "No unit is active that would hold a virtual address")
	case c != nil && c.Status == corev1.ConditionTrue:
		return yes(condition, v1alpha1.ReasonDuplicateAddress, "Unit %s shares a virtual address with another station%s",
			active, colon(c.Message))
	default:
		return no(condition, v1alpha1.ReasonNoConflict, "Unit %s heard nobody else claim a virtual address", active)
	}
}

// notReadyBecause is the most telling of what is known of a unit that is not ready.
func notReadyBecause(u unitFacts) string {
	switch {
	case !u.exists():
		return "it has no pod"
	case u.trouble != "":
		return u.trouble
	case u.terminating():
		return fmt.Sprintf("pod %s is being deleted", u.pod.Name)
	case u.ended():
		return endOf(u.pod)
	case u.pod.Spec.NodeName == "":
		return fmt.Sprintf("pod %s waits for a node", u.pod.Name)
	}
	if c := u.condition(v1alpha1.PodConditionConfigurationApplied); c != nil && c.Status == corev1.ConditionFalse &&
		c.Reason == v1alpha1.ReasonInvalid {
		return "its firewall refuses the document" + colon(c.Message)
	}
	if !u.ready() {
		return fmt.Sprintf("pod %s is not ready", u.pod.Name)
	}
	return fmt.Sprintf("pod %s is ready", u.pod.Name)
}

func both(f facts, tell func(unitFacts) string) string {
	var told []string
	for _, unit := range v1alpha1.Units() {
		told = append(told, fmt.Sprintf("unit %s: %s", unit, tell(f.units[unit])))
	}
	return strings.Join(told, "; ")
}

// lower makes a sentence a part of another, and upper a part a sentence.
func lower(sentence string) string {
	if sentence == "" {
		return ""
	}
	return strings.ToLower(sentence[:1]) + sentence[1:]
}

func upper(part string) string {
	if part == "" {
		return ""
	}
	return strings.ToUpper(part[:1]) + part[1:]
}
