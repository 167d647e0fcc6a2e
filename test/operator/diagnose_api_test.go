//go:build apiserver

package operator

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/operator/units"
)

// quota creates a quota that the API server's admission enforces. It sets the counts too: the controller that does this
// in a cluster does not run here.
func quota(ctx context.Context, namespace string, hard corev1.ResourceList) *corev1.ResourceQuota {
	GinkgoHelper()
	made := &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "tight", Namespace: namespace},
		Spec:       corev1.ResourceQuotaSpec{Hard: hard},
	}
	Expect(admin.Create(ctx, made)).To(Succeed())
	made.Status.Hard, made.Status.Used = hard, corev1.ResourceList{}
	for name := range hard {
		made.Status.Used[name] = resource.MustParse("0")
	}
	Expect(admin.Status().Update(ctx, made)).To(Succeed())
	return made
}

var _ = Describe("A standby that does not start", func() {
	waiting := func(reason, message string) func(*corev1.PodStatus) {
		return func(status *corev1.PodStatus) {
			firewall := corev1.ContainerStatus{Name: "firewall"}
			firewall.State.Waiting = &corev1.ContainerStateWaiting{Reason: reason, Message: message}
			if reason == "CrashLoopBackOff" {
				firewall.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 3, Message: "no nftables"}
			}
			status.ContainerStatuses = []corev1.ContainerStatus{firewall}
		}
	}

	DescribeTable("is reported, and the active unit is left alone",
		func(ctx SpecContext, bound bool, trouble func(*corev1.PodStatus), redundant, message string) {
			h := newBroughtUp(ctx)
			active := h.pod(ctx, v1alpha1.Primary).UID
			before := len(h.life.events.reasons)

			By("replacing the standby, which does not start")
			Expect(admin.Delete(ctx, h.pod(ctx, v1alpha1.Secondary), client.GracePeriodSeconds(0))).To(Succeed())
			h.reconcile(ctx)
			if bound {
				Expect(units.Bind(h.pod(ctx, v1alpha1.Secondary), "node-2")(ctx, admin)).To(Succeed())
			}
			h.setStatus(ctx, v1alpha1.Secondary, trouble)
			h.reconcile(ctx)
			Expect(h.reconcile(ctx)).To(BeFalse(), "it writes again")
			h.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonActive)
			h.eventually(ctx, v1alpha1.ConditionRedundant, redundant, message)
			h.eventually(ctx, v1alpha1.ConditionSynchronized, v1alpha1.ReasonNoStandby)
			h.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked, message)
			h.eventually(ctx, v1alpha1.ConditionDegraded, v1alpha1.ReasonRedundancyLost, message)
			Expect(h.life.events.reasons[before:]).To(ConsistOf(
				"UnitCreated", "RedundancyLost", "SynchronizationLost", "Blocked"))

			By("reporting when it is fixed")
			before = len(h.life.events.reasons)
			h.setStatus(ctx, v1alpha1.Secondary, func(status *corev1.PodStatus) {
				status.ContainerStatuses, status.Conditions = nil, nil
			})
			h.continueToRest(ctx)
			h.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
			Expect(h.life.events.reasons[before:]).To(ConsistOf("RedundancyRestored", "Synchronized", "ConfigurationApplied"))
			Expect(h.pod(ctx, v1alpha1.Primary).UID).To(Equal(active))
		},
		Entry("if no node has capacity", false, func(status *corev1.PodStatus) {
			units.SetConditions(status,
				units.PodCondition(corev1.PodScheduled, false, "Unschedulable", "0/2 nodes are available"))
		}, v1alpha1.ReasonStandbyMissing, "0/2 nodes are available"),
		Entry("if its image cannot be pulled", true, waiting("ImagePullBackOff", "manifest unknown"),
			v1alpha1.ReasonStandbyNotReady, "ImagePullBackOff: manifest unknown"),
		Entry("if it crashes repeatedly", true, waiting("CrashLoopBackOff", "back-off 40s"),
			v1alpha1.ReasonStandbyNotReady, "CrashLoopBackOff: it ended with exit code 3: no nftables"),
		Entry("if its container cannot be created", true, waiting("CreateContainerConfigError", "secret not found"),
			v1alpha1.ReasonStandbyNotReady, "CreateContainerConfigError: secret not found"),
	)

	It("is created once a quota admits it", func(ctx SpecContext) {
		h := newBroughtUp(ctx)
		before := len(h.life.events.reasons)
		tight := quota(ctx, h.namespace, corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")})
		Expect(admin.Delete(ctx, h.pod(ctx, v1alpha1.Secondary), client.GracePeriodSeconds(0))).To(Succeed())
		// The API server enforces a quota some time after its creation.
		Eventually(func() error {
			err := admin.Create(ctx, &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{GenerateName: "probe-", Namespace: h.namespace},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "x", Image: "x"}}},
			})
			return err
		}).Should(WithTransform(apierrors.IsForbidden, BeTrue()))

		h.reconcile(ctx)
		h.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
			"applying Pod "+h.namespace+"/edge-secondary", "exceeded quota: tight")
		h.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonActive)
		h.eventually(ctx, v1alpha1.ConditionRedundant, v1alpha1.ReasonStandbyMissing)
		Expect(h.life.events.reasons[before:]).To(ConsistOf("RedundancyLost", "SynchronizationLost", "Blocked"))

		Expect(admin.Delete(ctx, tight)).To(Succeed())
		Eventually(func() error {
			h.reconcile(ctx)
			return h.get(ctx, "edge-secondary", &corev1.Pod{})
		}).Should(Succeed())
		h.continueToRest(ctx)
		h.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
	})
})

var _ = Describe("A refused Service", func() {
	It("does not prevent the endpoint from following the Lease", func(ctx SpecContext) {
		h := newBroughtUp(ctx)
		quota(ctx, h.namespace, corev1.ResourceList{corev1.ResourceServicesNodePorts: resource.MustParse("0")})
		h.judge = nil // until the API server enforces the quota
		Eventually(func() error {
			return admin.Create(ctx, &corev1.Service{
				ObjectMeta: metav1.ObjectMeta{GenerateName: "probe-", Namespace: h.namespace},
				Spec: corev1.ServiceSpec{
					Type: corev1.ServiceTypeNodePort, Ports: []corev1.ServicePort{{Name: "x", Port: 1}},
				},
			})
		}).Should(WithTransform(apierrors.IsForbidden, BeTrue()))
		h.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Service.Type = corev1.ServiceTypeNodePort })
		h.reconcile(ctx)
		h.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
			"applying Service "+h.namespace+"/edge", "exceeded quota")

		h.hold(ctx, v1alpha1.Secondary, 2)
		h.reconcile(ctx)
		Expect(h.endpoints(ctx)).To(ConsistOf(HaveField("TargetRef.Name", "edge-secondary")))
		Expect(h.role(ctx, v1alpha1.Secondary)).To(Equal(v1alpha1.LabelRoleActive))
		Expect(h.seen(ctx).Status.Active).To(Equal(v1alpha1.Secondary))
	})

	It("does not prevent the creation of units if someone else has a Service of that name", func(ctx SpecContext) {
		h := newByHand(ctx)
		users := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: h.pair.Name, Namespace: h.namespace},
			Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "x", Port: 1}}},
		}
		Expect(admin.Create(ctx, users)).To(Succeed())
		h.create(ctx)
		h.continueToRest(ctx)
		h.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonActive)
		h.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
			"Service "+h.namespace+"/edge exists and does not belong to this pair")
		after := &corev1.Service{}
		Expect(h.get(ctx, users.Name, after)).To(Succeed())
		Expect(after.ResourceVersion).To(Equal(users.ResourceVersion))
		Expect(apierrors.IsNotFound(h.get(ctx, users.Name, &discoveryv1.EndpointSlice{}))).To(BeTrue())

		Expect(admin.Delete(ctx, users)).To(Succeed())
		h.continueToRest(ctx)
		h.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
		Expect(h.endpoints(ctx)).To(ConsistOf(HaveField("TargetRef.Name", "edge-primary")))
	})
})

var _ = Describe("A node that is lost", func() {
	// loseNode plays the node controller and the taint manager, some minutes after a node stopped responding.
	loseNode := func(ctx SpecContext, h *byHand, unit v1alpha1.Unit) *corev1.Pod {
		GinkgoHelper()
		h.setConditions(ctx, unit, units.PodCondition(corev1.PodReady, false, "NodeLost", ""))
		pod := h.pod(ctx, unit)
		Expect(admin.Delete(ctx, pod)).To(Succeed())
		return h.pod(ctx, unit)
	}
	// wait lets time pass in which the kubelet does not terminate the pod.
	wait := func(ctx SpecContext, h *byHand, long time.Duration) {
		GinkgoHelper()
		h.life.reconciler.Now = func() time.Time { return time.Now().Add(long) }
		defer func() { h.life.reconciler.Now = time.Now }()
		h.reconcile(ctx)
	}

	It("leaves the other unit to serve alone until the active unit that ran there is replaced", func(ctx SpecContext) {
		h := newBroughtUp(ctx)
		before := len(h.life.events.reasons)
		h.hold(ctx, v1alpha1.Secondary, 2)
		lost := loseNode(ctx, h, v1alpha1.Primary)
		h.report(ctx, v1alpha1.Secondary, units.NotInSync(v1alpha1.ReasonPeerDisconnected), units.RoleIs(v1alpha1.RoleActive))
		h.reconcile(ctx)
		Expect(h.endpoints(ctx)).To(ConsistOf(HaveField("TargetRef.Name", "edge-secondary")))
		h.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonActive, "Unit secondary")
		h.eventually(ctx, v1alpha1.ConditionRedundant, v1alpha1.ReasonStandbyNotReady, "edge-primary is being deleted")
		h.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonUpdating, "edge-primary is being deleted")
		h.eventually(ctx, v1alpha1.ConditionDegraded, v1alpha1.ReasonRedundancyLost)
		Expect(h.life.events.reasons[before:]).To(ConsistOf("ActiveChanged", "RedundancyLost", "SynchronizationLost"))

		By("replacing the lost unit once its termination is overdue")
		before = len(h.life.events.reasons)
		wait(ctx, h, 2*time.Minute)
		Expect(h.life.events.reasons[before:]).To(ContainElement("UnitLost"))
		h.continueToRest(ctx)
		Expect(h.pod(ctx, v1alpha1.Primary).UID).NotTo(Equal(lost.UID))
		h.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
		Expect(h.seen(ctx).Status.Active).To(Equal(v1alpha1.Secondary))
		Expect(h.life.events.reasons[before:]).To(ContainElements("UnitCreated", "RedundancyRestored", "Synchronized"))
	})

	It("delays an upgrade, and the other unit is not touched", func(ctx SpecContext) {
		h := newBroughtUp(ctx)
		loseNode(ctx, h, v1alpha1.Secondary)
		h.report(ctx, v1alpha1.Primary, units.NotInSync(v1alpha1.ReasonPeerDisconnected))
		h.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Firewall.Image = "example.test/firewall:2" })
		h.reconcile(ctx)
		h.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonUpdating, "edge-secondary is being deleted")
		Expect(h.pod(ctx, v1alpha1.Primary).DeletionTimestamp).To(BeNil())

		wait(ctx, h, 2*time.Minute)
		h.continueToRest(ctx)
		h.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
		for _, unit := range v1alpha1.Units() {
			Expect(h.pod(ctx, unit).Spec.Containers[0].Image).To(Equal("example.test/firewall:2"))
		}
	})
})
