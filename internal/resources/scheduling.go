package resources

import (
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// schedule adds the constraints on nodes to the spec of a pod.
func schedule(spec *corev1ac.PodSpecApplyConfiguration, pair *v1alpha1.HAPair) error {
	wanted := pair.Spec.Units.Scheduling
	affinity, err := affinityOf(pair)
	if err != nil {
		return err
	}
	spec.WithAffinity(affinity)
	if len(wanted.NodeSelector) > 0 {
		spec.WithNodeSelector(wanted.NodeSelector)
	}
	if wanted.PriorityClassName != "" {
		spec.WithPriorityClassName(wanted.PriorityClassName)
	}
	for _, toleration := range wanted.Tolerations {
		converted, err := convert[corev1ac.TolerationApplyConfiguration](toleration)
		if err != nil {
			return err
		}
		spec.WithTolerations(converted)
	}
	for _, constraint := range wanted.TopologySpreadConstraints {
		converted, err := convert[corev1ac.TopologySpreadConstraintApplyConfiguration](constraint)
		if err != nil {
			return err
		}
		if constraint.LabelSelector == nil { // without a selector the scheduler would count no pods
			converted.WithLabelSelector(unitsSelector(pair))
		}
		spec.WithTopologySpreadConstraints(converted)
	}
	return nil
}

// affinityOf returns the affinity of the spec with a rule that places the units on different nodes. A pair on one node
// would fail with that node.
func affinityOf(pair *v1alpha1.HAPair) (*corev1ac.AffinityApplyConfiguration, error) {
	affinity := corev1ac.Affinity()
	if wanted := pair.Spec.Units.Scheduling.Affinity; wanted != nil {
		var err error
		if affinity, err = convert[corev1ac.AffinityApplyConfiguration](wanted); err != nil {
			return nil, err
		}
	}
	if affinity.PodAntiAffinity == nil {
		affinity.WithPodAntiAffinity(corev1ac.PodAntiAffinity())
	}
	peer := corev1ac.PodAffinityTerm().WithTopologyKey(corev1.LabelHostname).WithLabelSelector(unitsSelector(pair))
	if pair.Spec.Units.Scheduling.AllowSameNode {
		affinity.PodAntiAffinity.WithPreferredDuringSchedulingIgnoredDuringExecution(
			corev1ac.WeightedPodAffinityTerm().WithWeight(100).WithPodAffinityTerm(peer))
		return affinity, nil
	}
	affinity.PodAntiAffinity.WithRequiredDuringSchedulingIgnoredDuringExecution(peer)
	return affinity, nil
}

// unitsSelector returns the selector of both units' pods.
func unitsSelector(pair *v1alpha1.HAPair) *metav1ac.LabelSelectorApplyConfiguration {
	return metav1ac.LabelSelector().WithMatchLabels(map[string]string{v1alpha1.LabelPair: pair.Name})
}

// convert returns a part of a pod as an apply configuration. It goes through JSON, which both have in common, since
// client-go has no conversion.
func convert[T any](from any) (*T, error) {
	encoded, err := json.Marshal(from)
	if err != nil {
		return nil, fmt.Errorf("encoding %T: %w", from, err)
	}
	into := new(T)
	if err := json.Unmarshal(encoded, into); err != nil {
		return nil, fmt.Errorf("decoding %T: %w", into, err)
	}
	return into, nil
}
