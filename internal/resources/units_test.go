package resources_test

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/resources"
)

func cpu(quantity string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(quantity)}
}

func memory(quantity string) corev1.ResourceList {
	return corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(quantity)}
}

// A running pod cannot take a change of spec.units, so each field must change the hash of the template.
func TestTemplateHashOfUnits(t *testing.T) {
	type units = *v1alpha1.UnitsSpec
	one, owned := map[string]string{"a": "b"}, map[string]string{v1alpha1.LabelPair: "other"}
	before := hash(t, smallest(), images, contract.Sync{})
	for name, test := range map[string]struct {
		change  func(units)
		changes bool
	}{
		"label":          {func(u units) { u.Metadata.Labels = one }, true},
		"operator label": {func(u units) { u.Metadata.Labels = owned }, false},
		"annotation":     {func(u units) { u.Metadata.Annotations = one }, true},
		"runtime class":  {func(u units) { u.RuntimeClassName = "x" }, true},
		"sidecar log":    {func(u units) { u.Sidecar.LogLevel = v1alpha1.LogDebug }, true},
		"firewall log":   {func(u units) { u.Firewall.LogLevel = v1alpha1.LogDebug }, true},
		"default log":    {func(u units) { u.Firewall.LogLevel = v1alpha1.LogInfo }, false},
		"affinity": {func(u units) {
			u.Scheduling.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}}
		}, true},
		"spread": {func(u units) {
			u.Scheduling.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{MaxSkew: 1}}
		}, true},
		"pull secret": {func(u units) {
			u.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "x"}}
		}, true},
		"default request of the sidecar":  {func(u units) { u.Sidecar.Resources.Requests = cpu("100m") }, false},
		"other request of the sidecar":    {func(u units) { u.Sidecar.Resources.Requests = cpu("200m") }, true},
		"default request of the firewall": {func(u units) { u.Firewall.Resources.Requests = cpu("100m") }, false},
		"other request of the firewall":   {func(u units) { u.Firewall.Resources.Requests = cpu("200m") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			pair := smallest()
			test.change(&pair.Spec.Units)
			if changed := hash(t, pair, images, contract.Sync{}) != before; changed != test.changes {
				t.Errorf("changed: %v, want %v", changed, test.changes)
			}
		})
	}
}

// The API server refuses a pod that requests more than its limit. A pod that requests nothing is evicted first.
func TestDefaultRequests(t *testing.T) {
	for name, test := range map[string]struct {
		given corev1.ResourceRequirements
		want  string
	}{
		"default": {
			corev1.ResourceRequirements{}, `{"requests":{"cpu":"100m","memory":"64Mi"}}`,
		},
		"request": {
			corev1.ResourceRequirements{Requests: memory("1Gi")}, `{"requests":{"cpu":"100m","memory":"1Gi"}}`,
		},
		"limit below the default": {
			corev1.ResourceRequirements{Limits: memory("8Mi")}, `{"limits":{"memory":"8Mi"},"requests":{"cpu":"100m"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			pair := smallest()
			pair.Spec.Units.Sidecar.Resources, pair.Spec.Units.Firewall.Resources = test.given, test.given
			pod, err := resources.Pod(pair, v1alpha1.Primary, images, replicating(t, contract.Sync{}))
			if err != nil {
				t.Fatal(err)
			}
			for _, container := range pod.Spec.Containers {
				got, err := json.Marshal(container.Resources)
				if err != nil || string(got) != test.want {
					t.Errorf("%s: got %s (%v), want %s", *container.Name, got, err, test.want)
				}
			}
			if len(test.given.Requests) > 1 {
				t.Error("the defaults were written into the spec of the pair")
			}
		})
	}
}
