package hapair

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/resources"
)

// ensureUnits makes pods that are missing and takes away those that ended or are outdated, which are made anew when
// they are gone.
func (r *Reconciler) ensureUnits(ctx context.Context, s *scope) error {
	templates, w, err := r.templates(s)
	if err != nil {
		return &specError{err}
	}
	if err := r.findLost(ctx, s); err != nil {
		return err
	}
	s.decisions = decide(s.facts, w)
	for _, unit := range v1alpha1.Units() {
		if err := r.carryOut(ctx, s, unit, templates[unit], w); err != nil {
			return err
		}
	}
	return nil
}

// templates are the pods as they should be; there are none while the pair cannot be started.
func (r *Reconciler) templates(s *scope) (map[v1alpha1.Unit]*corev1ac.PodApplyConfiguration, wishes, error) {
	w := wishes{
		hashes:    map[v1alpha1.Unit]string{},
		startable: s.settings != nil && s.document != nil,
		lacking:   len(s.lacks) > 0,
		paused:    s.pair.Spec.Paused,

		supervised: s.pair.Spec.Upgrade.Strategy == v1alpha1.UpgradeSupervised,
	}
	templates := map[v1alpha1.Unit]*corev1ac.PodApplyConfiguration{}
	if !w.startable {
		return templates, w, nil
	}
	for _, unit := range v1alpha1.Units() {
		pod, err := resources.Pod(s.pair, unit, r.Images, s.told)
		if err != nil {
			return nil, w, err
		}
		w.hashes[unit] = pod.Annotations[v1alpha1.AnnotationTemplateHash]
		// Not a part of the template: both change while the pod runs.
		templates[unit] = pod.
			WithLabels(map[string]string{v1alpha1.LabelRole: v1alpha1.LabelRoleStandby}).
			WithAnnotations(announced(s))
	}
	return templates, w, nil
}

func (r *Reconciler) carryOut(
	ctx context.Context, s *scope, unit v1alpha1.Unit, template *corev1ac.PodApplyConfiguration, w wishes,
) error {
	made := s.decisions[unit]
	switch made.action {
	case actionKeep, actionWait, actionAsk, actionHold:
		return nil
	case actionCreate:
		s.log.Info("Creating pod of unit", "unit", unit)
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.pair.Namespace, Name: *template.GetName()}}
		if err := r.ensure(ctx, s.pair, &corev1.Pod{}, template); err != nil {
			return err
		}
		r.tell(s.pair, pod, noticeUnitCreated, "Created pod %s of unit %s", pod.Name, unit)
		return nil
	case actionRemove:
		s.log.Info("Removing pod that ended", "unit", unit, "why", made.why)
		if err := r.remove(ctx, s.pair, s.facts.units[unit].pod); err != nil {
			return err
		}
		r.tell(s.pair, s.facts.units[unit].pod, noticeUnitEnded, "Removing unit %s to make it anew: %s", unit, made.why)
		return nil
	case actionForget:
		return r.forget(ctx, s, unit)
	case actionReplace:
		return r.replace(ctx, s, unit, w)
	default:
		return fmt.Errorf("unit %s: unknown action %d", unit, made.action)
	}
}

// replace deletes the pod of a unit that runs, if that is still the right thing to do by what the API server itself
// says: the cache may be behind, and there is no way back.
func (r *Reconciler) replace(ctx context.Context, s *scope, unit v1alpha1.Unit, w wishes) error {
	current := &v1alpha1.HAPair{}
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(s.pair), current); err != nil {
		return fmt.Errorf("making certain that unit %s is to be replaced: %w", unit, err)
	}
	if current.UID != s.pair.UID || current.Generation != s.pair.Generation {
		// It may have been paused. The change is on its way, and brings the next reconcile.
		s.log.Info("Not replacing unit, since the spec changed meanwhile", "unit", unit)
		s.decisions[unit] = decision{actionWait, "It is outdated by a spec that changed meanwhile"}
		return nil
	}
	certain, err := observe(ctx, r.Live, s.pair)
	if err != nil {
		return fmt.Errorf("making certain that unit %s can be replaced: %w", unit, err)
	}
	if again := decide(certain, w)[unit]; again.action != actionReplace {
		s.log.Info("Not replacing unit, since the cache was behind", "unit", unit, "why", again.why)
		s.decisions[unit] = again
		return nil
	}
	pod := certain.units[unit].pod
	s.log.Info("Replacing unit", "unit", unit, "why", s.decisions[unit].why)
	// The version makes the API server refuse if anything about the pod changed since, such as its readiness.
	preconditions := client.Preconditions{UID: &pod.UID, ResourceVersion: &pod.ResourceVersion}
	if err := r.Client.Delete(ctx, pod, preconditions); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("deleting pod %s to replace it: %w", pod.Name, err)
	}
	r.tell(s.pair, pod, noticeUnitReplaced, "Replacing unit %s: %s", unit, s.decisions[unit].why)
	return nil
}
