//go:build e2e

package e2e

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("A pair that is deleted", func() {
	It("leaves nothing behind", func(ctx SpecContext) {
		pair := newPair("short-lived")
		pair.Spec.Service = &hapairv1alpha1.ServiceSpec{Ports: []hapairv1alpha1.ServicePort{{Name: "http", Port: 80}}}
		create(ctx, pair)
		key := client.ObjectKeyFromObject(pair)
		Expect(site.AwaitRedundant(ctx, k8s, key)).To(Succeed())
		// Without these objects, their absence after the deletion would prove nothing.
		for kind, n := range owned(ctx, key) {
			Expect(n).NotTo(BeZero(), "the pair owns no %s", kind)
		}
		Expect(k8s.Delete(ctx, pair)).To(Succeed())
		Eventually(func(ctx context.Context) map[string]int {
			left := owned(ctx, key)
			for kind, n := range left {
				if n == 0 {
					delete(left, kind)
				}
			}
			return left
		}).WithContext(ctx).Should(BeEmpty())
	}, NodeTimeout(5*time.Minute))
})

// owned returns the number of objects that carry a pair's label, by kind.
func owned(ctx context.Context, key client.ObjectKey) map[string]int {
	GinkgoHelper()
	counts := map[string]int{}
	for kind, list := range map[string]client.ObjectList{
		"Pod": &corev1.PodList{}, "ConfigMap": &corev1.ConfigMapList{}, "Secret": &corev1.SecretList{},
		"Service": &corev1.ServiceList{}, "ServiceAccount": &corev1.ServiceAccountList{},
		"EndpointSlice": &discoveryv1.EndpointSliceList{}, "Lease": &coordinationv1.LeaseList{},
		"Role": &rbacv1.RoleList{}, "RoleBinding": &rbacv1.RoleBindingList{},
		"PodDisruptionBudget": &policyv1.PodDisruptionBudgetList{}, "NetworkPolicy": &networkingv1.NetworkPolicyList{},
	} {
		Expect(k8s.List(ctx, list, client.InNamespace(key.Namespace),
			client.MatchingLabels{hapairv1alpha1.LabelPair: key.Name})).To(Succeed())
		counts[kind] = meta.LenList(list)
	}
	return counts
}
