//go:build apiserver

package hapair_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("The rights of a unit", func() {
	var (
		s    *stage
		unit client.Client
	)
	BeforeEach(func(ctx SpecContext) {
		s = newStage(ctx)
		s.create(ctx)
		s.settle(ctx)
		config := rest.CopyConfig(adminConfig)
		config.Impersonate = rest.ImpersonationConfig{
			UserName: "system:serviceaccount:" + s.namespace + ":edge-primary",
			Groups: []string{
				"system:serviceaccounts", "system:serviceaccounts:" + s.namespace, "system:authenticated",
			},
		}
		var err error
		unit, err = client.New(config, client.Options{Scheme: admin.Scheme()})
		Expect(err).NotTo(HaveOccurred())
	})
	at := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: s.namespace, Name: name} }
	key := func(name string) client.ObjectKey { return client.ObjectKey{Namespace: s.namespace, Name: name} }
	listOne := func(ctx SpecContext, list client.ObjectList, name string) error {
		return unit.List(ctx, list, client.InNamespace(s.namespace), client.MatchingFields{"metadata.name": name})
	}
	beForbidden := WithTransform(apierrors.IsForbidden, BeTrue())
	// As the sidecar writes its conditions.
	saysOf := func(ctx SpecContext, pod string) error {
		patch := []byte(`{"status":{"conditions":[{"type":"hapair.io/Active","status":"True","reason":"Active"}]}}`)
		conditions := client.RawPatch(types.StrategicMergePatchType, patch)
		return unit.Status().Patch(ctx, &corev1.Pod{ObjectMeta: at(pod)}, conditions)
	}

	It("let it take part in its Lease and speak for its own pod", func(ctx SpecContext) {
		lease := &coordinationv1.Lease{}
		Expect(unit.Get(ctx, key("edge"), lease)).To(Succeed())
		lease.Spec.HolderIdentity = new("primary/me/0123abcd")
		Expect(unit.Update(ctx, lease)).To(Succeed())
		Expect(saysOf(ctx, "edge-primary")).To(Succeed())
		for _, pod := range []string{"edge-primary", "edge-secondary"} {
			Expect(unit.Get(ctx, key(pod), &corev1.Pod{})).To(Succeed())
			Expect(listOne(ctx, &corev1.PodList{}, pod)).To(Succeed())
		}
		Expect(listOne(ctx, &coordinationv1.LeaseList{}, "edge")).To(Succeed())
	})

	It("let it do nothing else", func(ctx SpecContext) {
		Expect(saysOf(ctx, "edge-secondary")).To(beForbidden, "speak for its peer")
		other := &coordinationv1.Lease{ObjectMeta: at("other")}
		Expect(admin.Create(ctx, other)).To(Succeed())
		Expect(unit.Update(ctx, other)).To(beForbidden, "write another Lease")
		Expect(unit.Create(ctx, &coordinationv1.Lease{ObjectMeta: at("new")})).To(beForbidden)
		Expect(unit.Delete(ctx, &coordinationv1.Lease{ObjectMeta: at("edge")})).To(beForbidden)
		for _, secret := range []string{"edge-ca", "edge-primary-tls", "edge-secondary-tls", "edge-metrics"} {
			Expect(unit.Get(ctx, key(secret), &corev1.Secret{})).To(beForbidden, "read Secret %s", secret)
		}
		Expect(unit.List(ctx, &corev1.PodList{}, client.InNamespace(s.namespace))).To(beForbidden, "see pods of others")
		pod := s.pod(ctx, v1alpha1.Primary)
		pod.Labels["x"] = "y"
		Expect(unit.Update(ctx, pod)).To(beForbidden, "change its own pod")
		Expect(unit.Delete(ctx, pod)).To(beForbidden)
		Expect(unit.Get(ctx, key("edge"), &v1alpha1.HAPair{})).To(beForbidden)
	})
})
