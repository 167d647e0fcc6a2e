package hapair

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/resources"
)

// ensureUnits creates pods that are missing and deletes those that ended or are outdated. Deleted pods are recreated by
// a later reconcile, when they are gone.
func (r *Reconciler) ensureUnits(ctx context.Context, s *scope) error {
	templates, want, err := r.templates(s)
	if err != nil {
		return &specError{err}
	}
	// A node that cannot be read counts as one that responds.
	errs := []error{r.findLost(ctx, s)}
	s.decisions = decide(s.facts, want)
	for _, unit := range v1alpha1.Units() {
		// A refused pod does not keep the other unit from being healed.
		errs = append(errs, r.carryOut(ctx, s, unit, templates[unit], want))
	}
	if !isAwaitingTurn(s) {
		s.upgrade.WaitingSince = nil
	}
	r.endTurn(s)
	return errors.Join(errs...)
}

func isAwaitingTurn(s *scope) bool {
	return s.decisions[v1alpha1.Primary].action == actionAwaitTurn ||
		s.decisions[v1alpha1.Secondary].action == actionAwaitTurn
}

// templates returns the pods as they should be, none while the pair cannot be started.
func (r *Reconciler) templates(s *scope) (map[v1alpha1.Unit]*corev1ac.PodApplyConfiguration, intent, error) {
	want := intent{
		hashes:    map[v1alpha1.Unit]string{},
		startable: s.encodedSettings != nil && s.documentKnown && !s.blockers.ofPrerequisite(),
		blocked:   len(s.blockers) > 0 || s.failed,
		paused:    s.pair.Spec.Paused,

		supervised:        s.pair.Spec.Upgrade.Strategy == v1alpha1.UpgradeSupervised,
		switchoverCommand: switchoverCommand(s.pair),
	}
	templates := map[v1alpha1.Unit]*corev1ac.PodApplyConfiguration{}
	if !want.startable {
		return templates, want, nil
	}
	for _, unit := range v1alpha1.Units() {
		pod, err := resources.Pod(s.pair, unit, r.Images, s.settings)
		if err != nil {
			return nil, want, err
		}
		want.hashes[unit] = pod.Annotations[v1alpha1.AnnotationTemplateHash]
		// Not a part of the template: both change while the pod runs.
		templates[unit] = pod.
			WithLabels(map[string]string{v1alpha1.LabelRole: v1alpha1.LabelRoleStandby}).
			WithAnnotations(configurationAnnotations(s))
	}
	return templates, want, nil
}

func (r *Reconciler) carryOut(
	ctx context.Context, s *scope, unit v1alpha1.Unit, template *corev1ac.PodApplyConfiguration, want intent,
) error {
	made := s.decisions[unit]
	switch made.action {
	case actionKeep, actionWait, actionAwaitSwitchover, actionAwaitTurn, actionHold:
		return nil
	case actionCreate:
		s.log.Info("Creating pod of unit", "unit", unit)
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.pair.Namespace, Name: *template.GetName()}}
		if err := r.ensure(ctx, s.pair, &corev1.Pod{}, template); err != nil {
			return err
		}
		r.record(s.pair, pod, noticeUnitCreated, "Created pod %s of unit %s", pod.Name, unit)
		return nil
	case actionRemove:
		s.log.Info("Removing pod that ended", "unit", unit, "why", made.why)
		if err := r.remove(ctx, s.pair, s.facts.units[unit].pod); err != nil {
			return err
		}
		r.record(s.pair, s.facts.units[unit].pod, noticeUnitEnded, "Recreating unit %s: %s", unit, made.why)
		return nil
	case actionDeleteLost:
		return r.deleteLost(ctx, s, unit)
	case actionReplace:
		return r.replace(ctx, s, unit, template, want)
	default:
		return fmt.Errorf("unit %s: unknown action %d", unit, made.action)
	}
}

// replace deletes the pod of a running unit, if the API server itself confirms that this is still right and admits its
// successor. The cache may be behind, and the deletion cannot be undone.
func (r *Reconciler) replace(
	ctx context.Context, s *scope, unit v1alpha1.Unit, template *corev1ac.PodApplyConfiguration, want intent,
) error {
	current := &v1alpha1.HAPair{}
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(s.pair), current); err != nil {
		return fmt.Errorf("confirming that unit %s is to be replaced: %w", unit, err)
	}
	if current.UID != s.pair.UID || current.Generation != s.pair.Generation {
		// It may have been paused. The watch brings the change, and with it the next reconcile.
		s.log.Info("Not replacing unit, since the spec changed meanwhile", "unit", unit)
		s.decisions[unit] = decision{actionWait, "It is outdated by a spec that changed meanwhile"}
		return nil
	}
	certain, err := observe(ctx, r.Live, s.pair)
	if err != nil {
		return fmt.Errorf("confirming that unit %s can be replaced: %w", unit, err)
	}
	if confirmed := decide(certain, want)[unit]; confirmed.action != actionReplace {
		s.log.Info("Not replacing unit, since the cache was behind", "unit", unit, "why", confirmed.why)
		s.decisions[unit] = confirmed
		return nil
	}
	if has, err := r.takeTurn(ctx, s, unit); err != nil || !has {
		return err
	}
	pod := certain.units[unit].pod
	if admitted, err := r.trySuccessor(ctx, s, unit, template, pod); err != nil || !admitted {
		if s.upgrade.StartedAt == nil {
			r.turns.release(client.ObjectKeyFromObject(s.pair)) // It lacks nothing, so no other pair waits for it.
		}
		s.decisions[unit] = decision{actionHold, "It is outdated and kept, since its successor is not admitted"}
		return err
	}
	if !r.beginTurn(s, unit) {
		return nil
	}
	s.log.Info("Replacing unit", "unit", unit, "why", s.decisions[unit].why)
	// The version makes the API server refuse if the pod changed meanwhile, for example its readiness.
	preconditions := client.Preconditions{UID: &pod.UID, ResourceVersion: &pod.ResourceVersion}
	if err := r.Client.Delete(ctx, pod, preconditions); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting pod %s to replace it: %w", pod.Name, err)
	}
	r.record(s.pair, pod, noticeUnitReplaced, "Replacing unit %s: %s", unit, s.decisions[unit].why)
	return nil
}
