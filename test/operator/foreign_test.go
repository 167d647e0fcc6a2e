//go:build apiserver

package operator

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// The names of a pair's objects are derived from its name, so a user's object may have one of them.
var _ = Describe("Objects of someone else with the name of an object of the pair", func() {
	// foreign returns what a user could have instead of an object of the pair.
	foreign := func(object client.Object, namespace string, labels map[string]string) client.Object {
		copied, ok := object.DeepCopyObject().(client.Object)
		Expect(ok).To(BeTrue())
		copied.SetNamespace(namespace)
		copied.SetResourceVersion("")
		copied.SetUID("")
		copied.SetOwnerReferences(nil)
		copied.SetManagedFields(nil)
		copied.SetLabels(labels)
		return copied
	}
	// described returns the kind and name of an object.
	described := func(object client.Object) string {
		gvk, err := admin.GroupVersionKindFor(object)
		Expect(err).NotTo(HaveOccurred())
		return gvk.Kind + " " + object.GetName()
	}

	for label, labels := range map[string]map[string]string{
		"without labels": nil, "with the label of the pair": {v1alpha1.LabelPair: "edge"},
	} {
		It("are never changed, taken over or deleted, "+label, func(ctx SpecContext) {
			model := newStage(ctx)
			model.create(ctx)
			model.settle(ctx)
			var own []client.Object
			for _, list := range kinds() {
				ofPair := client.HasLabels{v1alpha1.LabelPair}
				Expect(admin.List(ctx, list, client.InNamespace(model.namespace), ofPair)).To(Succeed())
				own = append(own, itemsOf(list)...)
			}
			Expect(len(own)).To(BeNumerically(">", 15))
			for _, object := range own {
				By(described(object))
				s := newStage(ctx)
				users := foreign(object, s.namespace, labels)
				Expect(admin.Create(ctx, asNew(users))).To(Succeed())
				before := users.DeepCopyObject().(client.Object)
				Expect(s.get(ctx, users.GetName(), before)).To(Succeed())

				s.create(ctx)
				s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked, "exists and does not belong to this pair")
				// Without a Service the operator deletes that of the pair, and its EndpointSlices.
				s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Service = nil })
				s.rest(ctx)
				after := users.DeepCopyObject().(client.Object)
				Expect(s.get(ctx, users.GetName(), after)).To(Succeed())
				Expect(after.GetUID()).To(Equal(before.GetUID()))
				Expect(after.GetOwnerReferences()).To(BeEmpty())
				Expect(after.GetLabels()).To(Equal(before.GetLabels()))
				for _, entry := range after.GetManagedFields() {
					Expect(entry.Manager).NotTo(HavePrefix("hapair"), "the operator wrote it")
				}
				Expect(admin.Delete(ctx, s.pair)).To(Succeed())
				Expect(metav1.GetControllerOf(after)).To(BeNil())
			}
		})
	}
})

// asNew removes what the API server assigned to the model of an object.
func asNew(object client.Object) client.Object {
	switch o := object.(type) {
	case *corev1.Service:
		o.Spec.ClusterIP, o.Spec.ClusterIPs = "", nil
	case *corev1.Pod:
		o.Spec.NodeName = ""
	}
	return object
}
