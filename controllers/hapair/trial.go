package hapair

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// A pod is deleted before its successor is created, since both have the same name. A successor that the API server
// refuses would cost the redundancy, so it is tried first by a dry run: admission and validation are those of a real
// creation. It is tried under another name, because a dry run with the name of a pod that exists would be an update.

// trySuccessor reports whether the API server admits the pod that is to replace another. It records a refusal as a
// blocker.
func (r *Reconciler) trySuccessor(
	ctx context.Context, s *scope, unit v1alpha1.Unit, template *corev1ac.PodApplyConfiguration, pod *corev1.Pod,
) (admitted bool, _ error) {
	if template == nil {
		return false, nil
	}
	trial := underTrialName(template)
	err := r.objects().Try(ctx, trial)
	refused := refusal(err)
	switch {
	case err == nil:
		return true, nil
	case refused == "":
		return false, fmt.Errorf("trying the successor of pod %s: %w", pod.Name, err)
	case fitsWithout(refused, pod):
		s.log.Info("The successor fits the quota once the pod is deleted", "pod", pod.Name, "refusal", refused)
		return true, nil
	}
	// The name differs at each trial, and a message that changes would be written to the status each time.
	refused = strings.ReplaceAll(refused, *trial.GetName(), pod.Name)
	s.log.Info("Keeping unit, since its successor is refused", "unit", unit, "refusal", refused)
	s.block(blocker{kind: blockerRefused, message: fmt.Sprintf(
		"unit %s is outdated and kept, since the API server refuses its successor: %s%s", unit, refused, remedyOf(err))})
	s.requeueAt(r.Now().Add(r.refusalDelay(s)))
	return false, nil
}

// trialSuffix is the number of random characters in the name of a trial, so that it collides with no pod of a user.
const trialSuffix = 8

// underTrialName returns the pod under the name for a trial.
func underTrialName(template *corev1ac.PodApplyConfiguration) *corev1ac.PodApplyConfiguration {
	trial, metadata := *template, *template.ObjectMetaApplyConfiguration
	trial.ObjectMetaApplyConfiguration = &metadata
	return trial.WithName(trialName(*template.GetName()))
}

func trialName(of string) string { return of + "-" + strings.ToLower(rand.Text()[:trialSuffix]) }
