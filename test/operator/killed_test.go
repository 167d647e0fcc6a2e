//go:build apiserver

package operator

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("A manager that is killed at each of its writes", func() {
	It("still creates a pair", func(ctx SpecContext) {
		undisturbed := newBroughtUp(ctx)
		want := undisturbed.snapshot(ctx)
		undisturbed.leave()
		kills := killAtEachWrite(ctx, func(context.Context) run {
			return func(ctx context.Context, death failpoint) bool {
				h := newByHand(ctx)
				*h.life.death = death
				h.create(ctx)
				died := h.continueToRest(ctx)
				Expect(h.snapshot(ctx).differences(want)).To(BeEmpty(), "%+v", death)
				h.leave()
				return died
			}
		})
		Expect(kills).To(BeNumerically(">", 20))
	})

	It("still replaces units", func(ctx SpecContext) {
		kills := killAtEachWrite(ctx, backAndForth(1,
			func(spec *v1alpha1.HAPairSpec) { spec.Firewall.Image = "example.test/firewall:2" },
			func(spec *v1alpha1.HAPairSpec) { spec.Firewall.Image = "" },
		))
		Expect(kills).To(BeNumerically(">", 10))
	})

	It("still takes a changed configuration to the units", func(ctx SpecContext) {
		kills := killAtEachWrite(ctx, backAndForth(0,
			func(spec *v1alpha1.HAPairSpec) { spec.Firewall.ConfigurationRef = named("drop") },
			func(spec *v1alpha1.HAPairSpec) { spec.Firewall.ConfigurationRef = named("accept") },
		))
		Expect(kills).To(BeNumerically(">", 3))
	})

	It("still removes and creates the Service", func(ctx SpecContext) {
		killAtEachWrite(ctx, backAndForth(0,
			func(spec *v1alpha1.HAPairSpec) { spec.Service = nil },
			func(spec *v1alpha1.HAPairSpec) {
				spec.Service = &v1alpha1.ServiceSpec{Ports: []v1alpha1.ServicePort{{Name: "web", Port: 80}}}
			},
		))
	})
})

var _ = Describe("A pair that is deleted", func() {
	DescribeTable("is left to the garbage collector by every new manager",
		func(ctx SpecContext, how metav1.DeletionPropagation) {
			h := newBroughtUp(ctx)
			Expect(admin.Delete(ctx, h.pair, client.PropagationPolicy(how))).To(Succeed())
			h.judge = nil
			for left := true; left; left = h.collect(ctx) {
				h.live(ctx, failpoint{at: 1}) // kills the manager if it writes
				Expect(h.reconcile(ctx)).To(BeFalse(), "it wrote something")
			}
			finalized := &v1alpha1.HAPair{}
			if h.get(ctx, h.pair.Name, finalized) == nil {
				finalized.Finalizers = nil
				Expect(admin.Update(ctx, finalized)).To(Succeed())
			}
			Expect(h.reconcile(ctx)).To(BeFalse(), "it wrote something")
			for _, object := range []client.Object{&v1alpha1.HAPair{}, &coordinationv1.Lease{}, &corev1.Service{}} {
				Expect(apierrors.IsNotFound(h.get(ctx, h.pair.Name, object))).To(BeTrue(), "%T", object)
			}
		},
		Entry("before the objects that it owns", metav1.DeletePropagationBackground),
		Entry("after the objects that it owns", metav1.DeletePropagationForeground),
	)

	It("gives way to a new pair of its name, which waits until all objects are gone", func(ctx SpecContext) {
		h := newBroughtUp(ctx)
		want := h.snapshot(ctx)
		Expect(admin.Delete(ctx, h.pair, client.PropagationPolicy(metav1.DeletePropagationBackground))).To(Succeed())

		h.judge = nil // The EndpointSlice that is left names a unit that is left.
		h.live(ctx, failpoint{})
		h.pair.ObjectMeta = metav1.ObjectMeta{
			Name: h.pair.Name, Namespace: h.namespace, Labels: map[string]string{labelByHand: ""},
		}
		h.create(ctx)
		for left := true; left; left = h.collect(ctx) {
			h.reconcile(ctx)
		}
		h.continueToRest(ctx)
		Expect(h.snapshot(ctx).differences(want)).To(BeEmpty())
	})
})
