package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hapair-io/hapair/test/poll"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
)

// stableFor is how long a pair must look redundant to count as redundant. Its status lags behind the last change.
const stableFor = 2 * time.Second

const (
	// waitTimeout bounds every wait.
	waitTimeout = 4 * time.Minute
	// interval is the pause between two checks.
	interval = 100 * time.Millisecond
)

// AwaitRedundant waits until the pair could lose its active unit without losing a connection. The conditions of the
// pair and of its units must be good, and stay good for a while. The units are checked too, because the operator that
// writes the pair's conditions may have run on the node that lost its power. The error names what was missing last.
func (s Site) AwaitRedundant(ctx context.Context, c client.Client, key client.ObjectKey) error {
	s.Progress("Waiting for pair %s to be redundant", key.Name)
	ctx, cancel := context.WithTimeout(ctx, waitTimeout)
	defer cancel()
	var since time.Time
	return poll.Until(ctx, interval, "pair "+key.String()+" to be redundant", func(ctx context.Context) error {
		pair := &hapairv1alpha1.HAPair{}
		err := c.Get(ctx, key, pair)
		if err == nil {
			err = errors.Join(pairProblems(pair), unitProblems(ctx, c, key))
		}
		switch {
		case err != nil:
			since = time.Time{}
			return err
		case since.IsZero():
			since = time.Now()
		}
		if settled := time.Since(since); settled < stableFor {
			return fmt.Errorf("stable for only %s", settled.Round(time.Millisecond))
		}
		return nil
	})
}

// wantedConditions are the conditions of a redundant pair.
var wantedConditions = map[string]metav1.ConditionStatus{
	hapairv1alpha1.ConditionReady:                metav1.ConditionTrue,
	hapairv1alpha1.ConditionRedundant:            metav1.ConditionTrue,
	hapairv1alpha1.ConditionSynchronized:         metav1.ConditionTrue,
	hapairv1alpha1.ConditionConfigurationApplied: metav1.ConditionTrue,
	hapairv1alpha1.ConditionReconciling:          metav1.ConditionFalse,
	hapairv1alpha1.ConditionStalled:              metav1.ConditionFalse,
}

// unitProblems returns what keeps the units from being redundant.
func unitProblems(ctx context.Context, c client.Client, key client.ObjectKey) error {
	var errs []error
	for _, unit := range hapairv1alpha1.Units() {
		pod := &corev1.Pod{}
		name := key.Name + "-" + string(unit)
		if err := c.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: name}, pod); err != nil {
			errs = append(errs, err)
			continue
		}
		if !pod.DeletionTimestamp.IsZero() {
			errs = append(errs, fmt.Errorf("pod %s is being deleted", pod.Name))
		}
		ready := slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
		})
		if !ready {
			errs = append(errs, fmt.Errorf("pod %s is not ready", pod.Name))
		}
		reported := &hapairv1alpha1.HAUnit{}
		if err := c.Get(ctx, client.ObjectKeyFromObject(pod), reported); err != nil {
			errs = append(errs, err)
			continue
		}
		// A report of the unit's earlier pod does not count.
		isCurrent := strings.Contains(reported.Status.Incarnation, "/"+string(pod.UID)+"/")
		if !isCurrent || !meta.IsStatusConditionTrue(
			reported.Status.Conditions, hapairv1alpha1.ConditionSynchronized) {
			errs = append(errs, fmt.Errorf("unit %s is not synchronized", pod.Name))
		}
	}
	return errors.Join(errs...)
}

func pairProblems(pair *hapairv1alpha1.HAPair) error {
	var errs []error
	if pair.Status.ObservedGeneration != pair.Generation {
		errs = append(errs, fmt.Errorf("the status is of generation %d of %d", pair.Status.ObservedGeneration,
			pair.Generation))
	}
	for name, status := range wantedConditions {
		condition := meta.FindStatusCondition(pair.Status.Conditions, name)
		switch {
		case condition == nil:
			errs = append(errs, fmt.Errorf("%s is not set", name))
		case condition.Status != status:
			errs = append(errs, fmt.Errorf("%s=%s %s: %s", name, condition.Status, condition.Reason, condition.Message))
		}
	}
	return errors.Join(errs...)
}
