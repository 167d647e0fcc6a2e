//go:build apiserver

package chart

import (
	"context"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// expectNoDifference checks that another tool, such as Argo CD, finds a release as the chart declares it. A field that
// the chart leaves to a default inside an atomic struct would be a conflict in every server-side diff.
func expectNoDifference(ctx context.Context, admin client.Client, arguments ...string) {
	GinkgoHelper()
	output, err := helm(GinkgoTB(), append(
		[]string{"template", release, root + "/charts/hapair", "--namespace", namespace}, arguments...)...)
	Expect(err).NotTo(HaveOccurred())
	compared := 0
	for _, manifest := range strings.Split("\n"+string(output), "\n---\n") {
		if isBlank(manifest) {
			continue
		}
		declared := &unstructured.Unstructured{}
		Expect(yaml.Unmarshal([]byte(manifest), &declared.Object)).To(Succeed())
		what := declared.GetKind() + " " + declared.GetName()
		live := &unstructured.Unstructured{}
		live.SetGroupVersionKind(declared.GroupVersionKind())
		Expect(admin.Get(ctx, client.ObjectKeyFromObject(declared), live)).To(Succeed(), what)
		applied := client.ApplyConfigurationFromUnstructured(declared)
		Expect(admin.Apply(ctx, applied, client.FieldOwner("diff"), client.DryRunAll)).To(Succeed(), what)
		Expect(withoutBookkeeping(declared)).To(Equal(withoutBookkeeping(live)), what)
		compared++
	}
	Expect(compared).To(BeNumerically(">", 10))
}

// withoutBookkeeping returns an object without what the API server writes at every change.
func withoutBookkeeping(object *unstructured.Unstructured) map[string]any {
	object = object.DeepCopy()
	object.SetManagedFields(nil)
	object.SetResourceVersion("")
	unstructured.RemoveNestedField(object.Object, "status")
	return object.Object
}
