//go:build apiserver

package operator

import (
	"context"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authorizationv1 "k8s.io/api/authorization/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// actAs returns a client with the rights that the API server's authorizer gives to a ServiceAccount.
func actAs(namespace, account string) client.WithWatch {
	GinkgoHelper()
	config := rest.CopyConfig(adminConfig)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:" + namespace + ":" + account,
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}
	acting, err := client.NewWithWatch(config, client.Options{Scheme: admin.Scheme(), Mapper: admin.RESTMapper()})
	Expect(err).NotTo(HaveOccurred())
	return acting
}

var _ = Describe("The rights of a unit", func() {
	var (
		s    *stage
		unit client.WithWatch
	)
	BeforeEach(func(ctx SpecContext) {
		s = newStage(ctx)
		s.create(ctx)
		s.settle(ctx)
		unit = actAs(s.namespace, "edge-primary")
	})
	at := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: s.namespace, Name: name} }
	key := func(name string) client.ObjectKey { return client.ObjectKey{Namespace: s.namespace, Name: name} }
	named := func(name string) []client.ListOption {
		return []client.ListOption{client.InNamespace(s.namespace), client.MatchingFields{"metadata.name": name}}
	}
	beForbidden := WithTransform(apierrors.IsForbidden, BeTrue())
	// patchPod changes the status of a pod, which only the kubelet may do.
	patchPod := func(ctx SpecContext, pod string) error {
		patch := []byte(`{"status":{"conditions":[{"type":"hapair.io/Active","status":"True","reason":"Active"}]}}`)
		conditions := client.RawPatch(types.StrategicMergePatchType, patch)
		return unit.Status().Patch(ctx, &corev1.Pod{ObjectMeta: at(pod)}, conditions)
	}
	// reportAs writes the status of an HAUnit as a sidecar does.
	reportAs := func(ctx SpecContext, name string) error {
		status := client.RawPatch(types.ApplyPatchType, []byte(`{"apiVersion":"hapair.io/v1alpha1","kind":"HAUnit",`+
			`"metadata":{"name":"`+name+`"},"status":{"role":"Active","term":1}}`))
		return unit.Status().Patch(ctx, &v1alpha1.HAUnit{ObjectMeta: at(name)}, status, client.FieldOwner("unit"))
	}
	watches := func(ctx SpecContext, list client.ObjectList, name string) error {
		watching, err := unit.Watch(ctx, list, named(name)...)
		if err == nil {
			watching.Stop()
		}
		return err
	}

	It("are these and no others", func(ctx SpecContext) {
		Expect(rulesOf(ctx, unit, s.namespace)).To(ConsistOf(
			"get,list,update,watch leases.coordination.k8s.io edge",
			"get,list,watch pods edge-primary,edge-secondary",
			"get,patch haunits/status.hapair.io edge-primary",
		))
		other := actAs(s.namespace, "edge-secondary")
		Expect(rulesOf(ctx, other, s.namespace)).To(ContainElement("get,patch haunits/status.hapair.io edge-secondary"))
		Expect(rulesOf(ctx, unit, "default")).To(BeEmpty(), "in another namespace")
	})

	It("let it take part in its Lease and report its own status", func(ctx SpecContext) {
		lease := &coordinationv1.Lease{}
		Expect(unit.Get(ctx, key("edge"), lease)).To(Succeed())
		lease.Spec.HolderIdentity = new("primary/me/0123abcd")
		Expect(unit.Update(ctx, lease)).To(Succeed())
		Expect(reportAs(ctx, "edge-primary")).To(Succeed())
		reported := &v1alpha1.HAUnit{}
		reported.ObjectMeta = at("edge-primary")
		Expect(unit.SubResource("status").Get(ctx, reported, reported)).To(Succeed())
		Expect(reported.Status.Role).To(Equal("Active"))
		Expect(reported.Spec).To(Equal(v1alpha1.HAUnitSpec{Pair: "edge", Unit: v1alpha1.Primary}))
		for _, pod := range []string{"edge-primary", "edge-secondary"} {
			Expect(unit.Get(ctx, key(pod), &corev1.Pod{})).To(Succeed())
			Expect(unit.List(ctx, &corev1.PodList{}, named(pod)...)).To(Succeed())
			Expect(watches(ctx, &corev1.PodList{}, pod)).To(Succeed())
		}
		Expect(unit.List(ctx, &coordinationv1.LeaseList{}, named("edge")...)).To(Succeed())
		Expect(watches(ctx, &coordinationv1.LeaseList{}, "edge")).To(Succeed())
	})

	It("let it do nothing else", func(ctx SpecContext) {
		Expect(patchPod(ctx, "edge-primary")).To(beForbidden, "write the status of its pod")
		Expect(patchPod(ctx, "edge-secondary")).To(beForbidden, "write the status of its peer's pod")
		Expect(reportAs(ctx, "edge-secondary")).To(beForbidden, "report for its peer")
		peers := &v1alpha1.HAUnit{ObjectMeta: at("edge-secondary")}
		Expect(unit.SubResource("status").Get(ctx, peers, peers)).To(beForbidden, "read its peer's report")
		foreign := &v1alpha1.HAUnit{ObjectMeta: at("edge-primary")}
		Expect(unit.Delete(ctx, foreign)).To(beForbidden, "delete its HAUnit")
		labels := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"labels":{"x":"y"}}}`))
		Expect(unit.Patch(ctx, foreign, labels)).To(beForbidden, "change its HAUnit beyond the status")
		other := s.pair.DeepCopy()
		other.ObjectMeta = at("other")
		Expect(admin.Create(ctx, other)).To(Succeed())
		lease := &coordinationv1.Lease{}
		s.eventuallyGet(ctx, "other", lease)
		Expect(unit.Get(ctx, key("other"), &coordinationv1.Lease{})).To(beForbidden, "read another pair's Lease")
		Expect(unit.Update(ctx, lease)).To(beForbidden, "write another pair's Lease")
		Expect(watches(ctx, &coordinationv1.LeaseList{}, "other")).To(beForbidden)
		s.eventuallyGet(ctx, "other-primary", &corev1.Pod{})
		Expect(unit.Get(ctx, key("other-primary"), &corev1.Pod{})).To(beForbidden, "read another pair's pods")

		for _, secret := range []string{"edge-ca", "edge-primary-tls", "edge-secondary-tls", "edge-metrics"} {
			Expect(unit.Get(ctx, key(secret), &corev1.Secret{})).To(beForbidden, "read Secret %s", secret)
		}
		for _, name := range []string{"edge-sidecar", "edge-firewall"} {
			Expect(unit.Get(ctx, key(name), &corev1.ConfigMap{})).To(beForbidden, "read ConfigMap %s", name)
		}
		Expect(unit.List(ctx, &corev1.PodList{}, client.InNamespace(s.namespace))).To(beForbidden, "list other pods")
		Expect(unit.Get(ctx, key("edge"), &v1alpha1.HAPair{})).To(beForbidden)
	})

	It("let it change nothing of its pod, and create nothing", func(ctx SpecContext) {
		pod := s.pod(ctx, v1alpha1.Primary)
		pod.Labels["x"] = "y"
		Expect(unit.Update(ctx, pod)).To(beForbidden, "change its own pod")
		for _, patch := range []string{`{"metadata":{"labels":{"x":"y"}}}`, `{"spec":{"activeDeadlineSeconds":1}}`} {
			merge := client.RawPatch(types.MergePatchType, []byte(patch))
			Expect(unit.Patch(ctx, &corev1.Pod{ObjectMeta: at("edge-primary")}, merge)).To(beForbidden, patch)
		}
		Expect(unit.Delete(ctx, pod)).To(beForbidden)
		Expect(unit.Delete(ctx, &coordinationv1.Lease{ObjectMeta: at("edge")})).To(beForbidden)
		for _, object := range []client.Object{
			&coordinationv1.Lease{ObjectMeta: at("new")}, &corev1.ConfigMap{ObjectMeta: at("new")},
			&corev1.Secret{ObjectMeta: at("new")}, &corev1.ServiceAccount{ObjectMeta: at("new")},
			&corev1.Pod{ObjectMeta: at("new"), Spec: *pod.Spec.DeepCopy()},
		} {
			Expect(unit.Create(ctx, object)).To(beForbidden, "create a %T", object)
		}
	})

	It("let it change no label of its pod, and the operator restores what another client changes", func(ctx SpecContext) {
		unit := actAs(s.namespace, "edge-secondary")
		before := s.pod(ctx, v1alpha1.Secondary)
		for _, patch := range []string{
			`{"metadata":{"labels":{"hapair.io/role":"active"}}}`, `{"metadata":{"labels":{"hapair.io/pair":null}}}`,
		} {
			labels := client.RawPatch(types.MergePatchType, []byte(patch))
			Expect(unit.Status().Patch(ctx, &corev1.Pod{ObjectMeta: at("edge-secondary")}, labels)).To(beForbidden, patch)
			Expect(admin.Status().Patch(ctx, &corev1.Pod{ObjectMeta: at("edge-secondary")}, labels)).To(Succeed(), patch)
			Expect(s.pod(ctx, v1alpha1.Secondary).ResourceVersion).NotTo(Equal(before.ResourceVersion), patch)
			Eventually(func() map[string]string { return s.pod(ctx, v1alpha1.Secondary).Labels }).
				Should(Equal(before.Labels), patch)
		}
		Expect(s.pod(ctx, v1alpha1.Secondary).UID).To(Equal(before.UID))
	})
})

// rulesOf returns what the API server's authorizer allows a client in a namespace beyond what it allows every
// authenticated user. A rule is one line of verbs, resources and names.
func rulesOf(ctx context.Context, who client.Client, namespace string) []string {
	GinkgoHelper()
	lines := func(who client.Client) []string {
		GinkgoHelper()
		review := &authorizationv1.SelfSubjectRulesReview{
			Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace},
		}
		Expect(who.Create(ctx, review)).To(Succeed())
		Expect(review.Status.Incomplete).To(BeFalse())
		var found []string
		for _, rule := range review.Status.ResourceRules {
			resources := []string{}
			for _, resource := range rule.Resources {
				for _, group := range rule.APIGroups {
					resources = append(resources, strings.TrimSuffix(resource+"."+group, "."))
				}
			}
			slices.Sort(rule.Verbs)
			slices.Sort(rule.ResourceNames)
			found = append(found, strings.Join([]string{
				strings.Join(rule.Verbs, ","), strings.Join(resources, ","), strings.Join(rule.ResourceNames, ","),
			}, " "))
		}
		return found
	}
	everyone := lines(actAs(namespace, "nobody"))
	return slices.DeleteFunc(lines(who), func(line string) bool { return slices.Contains(everyone, line) })
}
