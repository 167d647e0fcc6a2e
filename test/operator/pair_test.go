//go:build apiserver

package operator

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/test/operator/units"
)

var _ = Describe("A pair", func() {
	var s *stage
	BeforeEach(func(ctx SpecContext) { s = newStage(ctx) })

	It("consists of the objects that its units need, all of which it owns", func(ctx SpecContext) {
		s.create(ctx)
		for _, unit := range v1alpha1.Units() {
			pod := s.pod(ctx, unit)
			Expect(pod.Labels).To(HaveKeyWithValue(v1alpha1.LabelUnit, string(unit)))
			Expect(pod.Spec.ServiceAccountName).To(Equal(pod.Name))

			secret := &corev1.Secret{}
			Expect(s.get(ctx, pod.Name+"-tls", secret)).To(Succeed())
			Expect(secret.Data).To(And(HaveKey("tls.crt"), HaveKey("tls.key"), HaveKey("ca.crt")))
		}
		settings := &corev1.ConfigMap{}
		Expect(s.get(ctx, "edge-sidecar", settings)).To(Succeed())
		Expect(contract.Parse([]byte(settings.Data["sidecar.json"]))).To(And(
			HaveField("Pair", "edge"), HaveField("LeaseDurationSeconds", BeEquivalentTo(15)),
			HaveField("Sync.Classes", ContainElement(contract.SyncClass{Name: "ConnectionCache"}))))

		lease := &coordinationv1.Lease{}
		Expect(s.get(ctx, "edge", lease)).To(Succeed())
		Expect(lease.Spec).To(Equal(coordinationv1.LeaseSpec{}), "only the units write it")

		s.eventuallyGet(ctx, "edge", &discoveryv1.EndpointSlice{})
		Expect(s.get(ctx, "edge", &corev1.Service{})).To(Succeed())

		count := 0
		for _, list := range kinds() {
			ofPair := client.MatchingLabels{v1alpha1.LabelPair: "edge"}
			Expect(admin.List(ctx, list, client.InNamespace(s.namespace), ofPair)).To(Succeed())
			for _, object := range itemsOf(list) {
				count++
				Expect(metav1.IsControlledBy(object, s.pair)).To(BeTrue(), "%T %s", object, object.GetName())
			}
		}
		Expect(count).To(Equal(2+2+2+4+2+1+2+2+1+1+1+1), "no more, and no fewer")
		Eventually(s.events).WithArguments(ctx, "UnitCreated").Should(ConsistOf(
			ContainSubstring("edge-primary"), ContainSubstring("edge-secondary")))
	})

	It("is ready, redundant and synchronized when its units report that", func(ctx SpecContext) {
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonNoActiveUnit)
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCreating)
		s.settle(ctx)

		status := s.seen(ctx).Status
		Expect(status.Active).To(Equal(v1alpha1.Primary))
		Expect(status.Standby).To(Equal(v1alpha1.Secondary))
		Expect(status.Term).To(BeEquivalentTo(1))
		Expect(status.Units).To(Equal([]v1alpha1.UnitStatus{
			{
				Name: "primary", Role: "Active", Pod: "edge-primary", Node: "node-1",
				Synchronized: true, ConfigurationHash: s.documentHash(ctx),
			},
			{
				Name: "secondary", Role: "Standby", Pod: "edge-secondary", Node: "node-2",
				Synchronized: true, ConfigurationHash: s.documentHash(ctx),
			},
		}))
	})

	It("costs no write while nothing changes", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		s.rest(ctx)
		before := requests.in(s.namespace).writes
		for range 5 {
			s.reconcileNow(ctx)
		}
		s.writeLease(ctx, func(*coordinationv1.LeaseSpec) {}) // renewed
		s.note(ctx, "hapair.io/lease-standby", "secondary/1/2")
		Consistently(func() int { return requests.in(s.namespace).writes }).Should(Equal(before))
	})

	It("follows the Lease when its holder changes", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		Expect(s.endpoints(ctx)).To(ConsistOf(And(
			HaveField("Addresses", ConsistOf("10.1.1.7")), HaveField("NodeName", HaveValue(Equal("node-1"))),
			HaveField("TargetRef.Name", "edge-primary"), HaveField("Conditions.Ready", HaveValue(BeTrue())))))

		s.hold(ctx, v1alpha1.Secondary, 2)
		Eventually(s.endpoints).WithArguments(ctx).Should(ConsistOf(And(
			HaveField("Addresses", ConsistOf("10.1.2.7")), HaveField("TargetRef.Name", "edge-secondary"))))
		Eventually(s.role).WithArguments(ctx, v1alpha1.Secondary).Should(Equal("active"))
		Eventually(s.role).WithArguments(ctx, v1alpha1.Primary).Should(Equal("standby"))
		Eventually(func() v1alpha1.HAPairStatus { return s.seen(ctx).Status }).Should(And(
			HaveField("Active", v1alpha1.Secondary), HaveField("Standby", v1alpha1.Primary),
			HaveField("Term", BeEquivalentTo(2))))
		Eventually(s.events).WithArguments(ctx, "ActiveChanged").Should(ContainElement(
			"Unit secondary is active in term 2, in place of unit primary"))
	})

	It("has no active unit when the Lease names a pod that is gone", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		s.writeLease(ctx, func(spec *coordinationv1.LeaseSpec) { spec.HolderIdentity = new("primary/gone/0123abcd") })
		s.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonNoActiveUnit)
		s.eventually(ctx, v1alpha1.ConditionDegraded, v1alpha1.ReasonRedundancyLost)
		Eventually(s.endpoints).WithArguments(ctx).Should(BeEmpty())
		Eventually(s.events).WithArguments(ctx, "ActiveLost").Should(HaveLen(1))
		Eventually(s.events).WithArguments(ctx, "RedundancyLost").Should(HaveLen(1))
	})

	It("is not synchronized if only one unit reports that", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		s.report(ctx, v1alpha1.Primary, units.NotInSync(v1alpha1.ReasonPeerDisconnected))
		s.eventually(ctx, v1alpha1.ConditionSynchronized, v1alpha1.ReasonPeerDisconnected)
		s.eventually(ctx, v1alpha1.ConditionDegraded, v1alpha1.ReasonNotSynchronized)
		Eventually(s.events).WithArguments(ctx, "SynchronizationLost").Should(HaveLen(1))
		s.report(ctx, v1alpha1.Primary, units.InSync())
		s.eventually(ctx, v1alpha1.ConditionSynchronized, v1alpha1.ReasonInSync)
		s.eventually(ctx, v1alpha1.ConditionDegraded, v1alpha1.ReasonHealthy)
	})

	It("reports a standby that cannot hold all of the state", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		s.report(ctx, v1alpha1.Secondary, units.NotInSync(v1alpha1.ReasonTableFull))
		s.eventually(ctx, v1alpha1.ConditionSynchronized, v1alpha1.ReasonTableFull)
		s.eventually(ctx, v1alpha1.ConditionDegraded, v1alpha1.ReasonNotSynchronized)
	})

	It("reports a standby whose provider has not taken over the state", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		const lacks = "provider kea lacks changes of class leases"
		s.report(ctx, v1alpha1.Secondary,
			units.Condition(v1alpha1.ConditionSynchronized, false, v1alpha1.ReasonProviderBehind, lacks))
		s.eventually(ctx, v1alpha1.ConditionSynchronized, v1alpha1.ReasonProviderBehind, lacks)
		s.eventually(ctx, v1alpha1.ConditionDegraded, v1alpha1.ReasonNotSynchronized)
		s.report(ctx, v1alpha1.Secondary, units.InSync())
		s.eventually(ctx, v1alpha1.ConditionSynchronized, v1alpha1.ReasonInSync)
		s.eventually(ctx, v1alpha1.ConditionDegraded, v1alpha1.ReasonHealthy)
	})

	It("loses its Service when the spec does", func(ctx SpecContext) {
		s.create(ctx)
		s.eventuallyGet(ctx, "edge", &discoveryv1.EndpointSlice{})
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Service = nil })
		for _, object := range []client.Object{&corev1.Service{}, &discoveryv1.EndpointSlice{}} {
			Eventually(func() bool { return apierrors.IsNotFound(s.get(ctx, "edge", object)) }).Should(BeTrue())
		}
	})

	It("restores what someone deleted or changed", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		role := &rbacv1.Role{}
		Expect(s.get(ctx, "edge-primary", role)).To(Succeed())
		role.Rules = nil
		Expect(admin.Update(ctx, role)).To(Succeed())
		Eventually(func() []rbacv1.PolicyRule {
			Expect(s.get(ctx, "edge-primary", role)).To(Succeed())
			return role.Rules
		}).Should(HaveLen(3))

		authority, before := &corev1.Secret{}, &corev1.Secret{}
		Expect(s.get(ctx, "edge-ca", authority)).To(Succeed())
		Expect(s.get(ctx, "edge-primary-tls", before)).To(Succeed())
		Expect(admin.Delete(ctx, authority)).To(Succeed())
		Eventually(func(g Gomega) {
			renewed, unit := &corev1.Secret{}, &corev1.Secret{}
			g.Expect(s.get(ctx, "edge-ca", renewed)).To(Succeed())
			g.Expect(s.get(ctx, "edge-primary-tls", unit)).To(Succeed())
			g.Expect(unit.Data["tls.crt"]).To(Equal(before.Data["tls.crt"]), "its peer may not know the new authority yet")
			g.Expect(unit.Data["ca.crt"]).To(BeEquivalentTo(
				string(renewed.Data["tls.crt"]) + string(authority.Data["tls.crt"])))
		}).Should(Succeed())
	})

	It("does not change objects of others", func(ctx SpecContext) {
		users := &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: "edge-firewall", Namespace: s.namespace},
			Data:       map[string]string{"firewall.yaml": "mine"},
		}
		Expect(admin.Create(ctx, users)).To(Succeed())
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
			"ConfigMap "+s.namespace+"/edge-firewall exists and does not belong to this pair")
		after := &corev1.ConfigMap{}
		Expect(s.get(ctx, users.Name, after)).To(Succeed())
		Expect(after.ResourceVersion).To(Equal(users.ResourceVersion))

		Expect(admin.Delete(ctx, users)).To(Succeed())
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Firewall.ConfigurationRef = named("drop") })
		s.pod(ctx, v1alpha1.Primary)
	})

	It("waits until the objects of an earlier pair of its name are gone", func(ctx SpecContext) {
		left := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{
				Name: "edge-primary", Namespace: s.namespace, Labels: map[string]string{v1alpha1.LabelPair: "edge"},
			},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "x", Image: "x"}}},
		}
		Expect(admin.Create(ctx, left)).To(Succeed())
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked, "Pod "+s.namespace+"/edge-primary")
		Expect(apierrors.IsNotFound(s.get(ctx, "edge-secondary", &corev1.Pod{}))).To(BeTrue())
	})
})
