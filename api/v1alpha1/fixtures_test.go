//go:build apiserver

package v1alpha1_test

import (
	"context"
	"strings"

	. "github.com/onsi/gomega"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// newPair returns a valid pair. Each case changes only the field that it tests.
func newPair() *v1alpha1.HAPair {
	return &v1alpha1.HAPair{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "edge"},
		Spec: v1alpha1.HAPairSpec{
			Firewall: v1alpha1.FirewallSpec{
				ConfigurationRef: &v1alpha1.FirewallConfigurationReference{Name: "edge"},
			},
			Networks: []v1alpha1.NetworkSpec{
				newNetwork("lan", "192.168.50.1/24", "fd50::1/64"),
				newNetwork("wan", "203.0.113.1/24"),
			},
		},
	}
}

func newNetwork(name string, addresses ...string) v1alpha1.NetworkSpec {
	return v1alpha1.NetworkSpec{
		Name:             name,
		Attachment:       v1alpha1.NetworkAttachment{Multus: &v1alpha1.MultusAttachment{Name: name}},
		VirtualAddresses: addresses,
	}
}

// newPolicy returns a valid policy.
func newPolicy() *v1alpha1.SyncPolicy {
	return &v1alpha1.SyncPolicy{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: "edge"},
		Spec: v1alpha1.SyncPolicySpec{
			Classes: []v1alpha1.SyncClass{{Name: v1alpha1.ConnectionCache, Mode: v1alpha1.SyncModeReplicate}},
		},
	}
}

// parse decodes an object from YAML. It serves cases that the Go types cannot express: missing and unknown fields.
func parse(text string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	ExpectWithOffset(1, yaml.UnmarshalStrict([]byte(strings.TrimSpace(text)), &object.Object)).To(Succeed())
	return object
}

// expectRefusal checks that the API server refuses the object, and that its error names the field and the remedy.
func expectRefusal(ctx context.Context, object client.Object, field, remedy string) {
	err := trial.Create(ctx, object)
	ExpectWithOffset(1, apierrors.IsInvalid(err)).To(BeTrue(), "want a refusal as invalid, got: %v", err)
	ExpectWithOffset(1, err.Error()).To(ContainSubstring(field), "the error must name the field")
	ExpectWithOffset(1, err.Error()).To(ContainSubstring(remedy), "the error must name the remedy")
}
