//go:build apiserver

package operator

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/operator/units"
)

// cpu returns resources with a request and a limit.
func cpu(request, limit string) corev1.ResourceRequirements {
	return corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(request)},
		Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(limit)},
	}
}

// plainPod returns a pod with nothing that an admission plugin could object to but its existence.
func plainPod(namespace string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "probe-", Namespace: namespace},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "x", Image: "x"}}},
	}
}

var _ = Describe("A unit whose successor the API server refuses", func() {
	const wanted = "example.test/firewall:2"
	newImage := func(spec *v1alpha1.HAPairSpec) { spec.Firewall.Image = wanted }
	nothing := func(SpecContext, *byHand) func() { return func() {} }
	podSecurity := func(level string) func(SpecContext, *byHand) func() {
		return func(ctx SpecContext, h *byHand) func() {
			h.label(ctx, "pod-security.kubernetes.io/enforce", level)
			privileged := func() error {
				pod := plainPod(h.namespace)
				pod.Spec.HostNetwork = true
				return asOperator().Create(ctx, pod)
			}
			eventuallyRefuses(privileged)
			return func() {
				h.label(ctx, "pod-security.kubernetes.io/enforce", "")
				eventuallyAdmits(privileged)
			}
		}
	}
	policy := func(ctx SpecContext, h *byHand) func() {
		refusing(ctx, "", "pods", metav1.StatusReasonInvalid)
		h.label(ctx, labelRefuse, "refuse-pods")
		create := func() error { return asOperator().Create(ctx, plainPod(h.namespace)) }
		eventuallyRefuses(create)
		return func() {
			h.label(ctx, labelRefuse, "")
			eventuallyAdmits(create)
		}
	}
	limitRange := func(ctx SpecContext, h *byHand) func() {
		tight := &corev1.LimitRange{
			ObjectMeta: metav1.ObjectMeta{Name: "tight", Namespace: h.namespace},
			Spec: corev1.LimitRangeSpec{Limits: []corev1.LimitRangeItem{{
				Type: corev1.LimitTypeContainer, Max: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m")},
			}}},
		}
		Expect(admin.Create(ctx, tight)).To(Succeed())
		large := func() error {
			pod := plainPod(h.namespace)
			pod.Spec.Containers[0].Resources = cpu("1", "1")
			return asOperator().Create(ctx, pod)
		}
		eventuallyRefuses(large)
		return func() {
			Expect(admin.Delete(ctx, tight)).To(Succeed())
			eventuallyAdmits(large)
		}
	}
	fullQuota := func(ctx SpecContext, h *byHand) func() {
		hard := corev1.ResourceList{corev1.ResourceRequestsCPU: resource.MustParse("400m")}
		tight := quota(ctx, h.namespace, hard)
		tight.Status.Used = hard // by the default requests of both units
		Expect(admin.Status().Update(ctx, tight)).To(Succeed())
		large := func() error {
			pod := plainPod(h.namespace)
			pod.Spec.Containers[0].Resources = cpu("10m", "10m")
			return asOperator().Create(ctx, pod)
		}
		eventuallyRefuses(large)
		return func() {
			Expect(admin.Delete(ctx, tight)).To(Succeed())
			eventuallyAdmits(large)
		}
	}

	DescribeTable("is kept, and the condition Stalled has the cause and the remedy",
		func(ctx SpecContext, refuse func(SpecContext, *byHand) func(), change, repair edit, messages ...string) {
			h := newBroughtUp(ctx)
			lift := refuse(ctx, h)
			primary, secondary := h.pod(ctx, v1alpha1.Primary), h.pod(ctx, v1alpha1.Secondary)

			h.change(ctx, change)
			for range 3 {
				h.reconcile(ctx)
			}
			Expect(h.pod(ctx, v1alpha1.Primary)).To(HaveField("UID", primary.UID))
			Expect(h.pod(ctx, v1alpha1.Secondary)).To(And(
				HaveField("UID", secondary.UID), HaveField("DeletionTimestamp", BeNil())))
			h.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
				append(messages, "unit secondary is outdated and kept")...)
			h.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonActive)
			h.eventually(ctx, v1alpha1.ConditionRedundant, v1alpha1.ReasonStandbyReady)
			Expect(h.reconcile(ctx)).To(BeFalse(), "it writes again")

			lift()
			h.change(ctx, repair)
			h.continueToRest(ctx)
			h.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
			Expect(h.pod(ctx, v1alpha1.Secondary).UID).NotTo(Equal(secondary.UID))
		},
		Entry("for requests above limits", nothing,
			func(spec *v1alpha1.HAPairSpec) { spec.Units.Firewall.Resources = cpu("2", "1") },
			func(spec *v1alpha1.HAPairSpec) { spec.Units.Firewall.Resources = cpu("1", "1") },
			"must be less than or equal to cpu limit", "correct spec.units.firewall.resources"),
		Entry("for an unknown PriorityClass", nothing,
			func(spec *v1alpha1.HAPairSpec) { spec.Units.Scheduling.PriorityClassName = "nowhere" },
			func(spec *v1alpha1.HAPairSpec) {
				spec.Units.Scheduling.PriorityClassName = "system-cluster-critical"
			},
			"no PriorityClass with name nowhere", "spec.units.scheduling.priorityClassName"),
		Entry("for an unknown RuntimeClass", nothing,
			func(spec *v1alpha1.HAPairSpec) { spec.Units.RuntimeClassName = "nowhere" },
			func(spec *v1alpha1.HAPairSpec) { spec.Units.RuntimeClassName, spec.Firewall.Image = "", wanted },
			`RuntimeClass "nowhere" not found`, "spec.units.runtimeClassName"),
		Entry("for an image with a blank at its end", nothing,
			func(spec *v1alpha1.HAPairSpec) { spec.Firewall.Image = wanted + " " }, newImage,
			"must not have leading or trailing whitespace", "correct spec.firewall.image"),
		Entry("for a toleration that contradicts itself", nothing,
			func(spec *v1alpha1.HAPairSpec) {
				spec.Units.Scheduling.Tolerations = []corev1.Toleration{{Key: "a", Operator: "Exists", Value: "b"}}
			},
			func(spec *v1alpha1.HAPairSpec) {
				spec.Units.Scheduling.Tolerations = []corev1.Toleration{{Key: "a", Operator: "Exists"}}
			},
			"value must be empty when `operator` is 'Exists'", "correct spec.units.scheduling.tolerations"),
		Entry("by a LimitRange", limitRange,
			func(spec *v1alpha1.HAPairSpec) { spec.Units.Firewall.Resources = cpu("1", "1") },
			func(*v1alpha1.HAPairSpec) {},
			"maximum cpu usage per Container is 500m", "change the LimitRange"),
		Entry("by a quota that has no room for what the successor needs in addition", fullQuota,
			func(spec *v1alpha1.HAPairSpec) { spec.Units.Firewall.Resources = cpu("150m", "1") },
			func(*v1alpha1.HAPairSpec) {},
			"exceeded quota: tight", "raise the quota, or lower spec.units.firewall.resources"),
		Entry("by Pod Security baseline", podSecurity("baseline"), newImage, func(*v1alpha1.HAPairSpec) {},
			`violates PodSecurity "baseline:latest"`, "label the namespace pod-security.kubernetes.io/enforce=privileged"),
		Entry("by Pod Security restricted", podSecurity("restricted"), newImage, func(*v1alpha1.HAPairSpec) {},
			`violates PodSecurity "restricted:latest"`, "label the namespace pod-security.kubernetes.io/enforce=privileged"),
		Entry("by a ValidatingAdmissionPolicy that refuses pods since the operator was upgraded", policy,
			func(spec *v1alpha1.HAPairSpec) { spec.Units.Firewall.Resources = cpu("50m", "1") },
			func(*v1alpha1.HAPairSpec) {}, "no pods here", "change the policy"),
	)

	It("is replaced if a full quota has room once the unit is deleted", func(ctx SpecContext) {
		h := newByHand(ctx)
		h.pair.Spec.Units.Firewall.Resources = cpu("50m", "1")
		h.bringUp(ctx)
		full := corev1.ResourceList{
			corev1.ResourcePods: resource.MustParse("2"), corev1.ResourceRequestsCPU: resource.MustParse("300m"),
		}
		tight := quota(ctx, h.namespace, full)
		// count plays the controller that counts what is used.
		count := func() {
			GinkgoHelper()
			pods := &corev1.PodList{}
			Expect(admin.List(ctx, pods, client.InNamespace(h.namespace))).To(Succeed())
			Eventually(func() error {
				if err := h.get(ctx, tight.Name, tight); err != nil {
					return err
				}
				tight.Status.Used = corev1.ResourceList{
					corev1.ResourcePods:        *resource.NewQuantity(int64(len(pods.Items)), resource.DecimalSI),
					corev1.ResourceRequestsCPU: *resource.NewMilliQuantity(150*int64(len(pods.Items)), resource.DecimalSI),
				}
				return admin.Status().Update(ctx, tight)
			}).Should(Succeed())
		}
		count()
		third := func() error { return asOperator().Create(ctx, plainPod(h.namespace)) }
		eventuallyRefuses(third)
		h.change(ctx, newImage)
		Eventually(func(g Gomega) {
			h.reconcile(ctx)
			_, err := h.player.Step(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			count()
			for _, unit := range v1alpha1.Units() {
				pod := &corev1.Pod{}
				g.Expect(h.get(ctx, h.podName(unit), pod)).To(Succeed())
				g.Expect(pod.Spec.Containers[0].Image).To(Equal(wanted))
			}
			g.Expect(unsettled(h.seen(ctx))).To(BeEmpty())
		}).WithTimeout(time.Minute).Should(Succeed())
	})
})

var _ = Describe("An object that the API server refuses", func() {
	It("of every kind that the operator writes is reported, and the standby is made again", func(ctx SpecContext) {
		h := newBroughtUp(ctx)
		at := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: h.namespace, Name: name} }
		for _, test := range []struct {
			group, resource, kind string
			object                client.Object
			reason                metav1.StatusReason
		}{
			{
				"networking.k8s.io", "networkpolicies", "NetworkPolicy",
				&networkingv1.NetworkPolicy{ObjectMeta: at("edge")}, metav1.StatusReasonInvalid,
			},
			{
				"networking.k8s.io", "networkpolicies", "NetworkPolicy",
				&networkingv1.NetworkPolicy{ObjectMeta: at("edge")}, metav1.StatusReasonForbidden,
			},
			{
				"policy", "poddisruptionbudgets", "PodDisruptionBudget",
				&policyv1.PodDisruptionBudget{ObjectMeta: at("edge")}, metav1.StatusReasonInvalid,
			},
			{"", "services", "Service", &corev1.Service{ObjectMeta: at("edge")}, metav1.StatusReasonForbidden},
			{
				"discovery.k8s.io", "endpointslices", "EndpointSlice",
				&discoveryv1.EndpointSlice{ObjectMeta: at("edge")}, metav1.StatusReasonInvalid,
			},
			{
				"rbac.authorization.k8s.io", "roles", "Role",
				&rbacv1.Role{ObjectMeta: at("edge-secondary")}, metav1.StatusReasonInvalid,
			},
			{
				"rbac.authorization.k8s.io", "rolebindings", "RoleBinding",
				&rbacv1.RoleBinding{ObjectMeta: at("edge-secondary")}, metav1.StatusReasonInvalid,
			},
			{"", "configmaps", "ConfigMap", &corev1.ConfigMap{ObjectMeta: at("edge-sidecar")}, metav1.StatusReasonInvalid},
			{
				"", "configmaps", "ConfigMap",
				&corev1.ConfigMap{ObjectMeta: at("edge-firewall")}, metav1.StatusReasonRequestEntityTooLarge,
			},
			{"", "secrets", "Secret", &corev1.Secret{ObjectMeta: at("edge-secondary-tls")}, metav1.StatusReasonInvalid},
			{"", "secrets", "Secret", &corev1.Secret{ObjectMeta: at("edge-metrics")}, metav1.StatusReasonInvalid},
			{"hapair.io", "haunits", "HAUnit", &v1alpha1.HAUnit{ObjectMeta: at("edge-secondary")}, metav1.StatusReasonInvalid},
			{
				"coordination.k8s.io", "leases", "Lease",
				&coordinationv1.Lease{ObjectMeta: at("edge")}, metav1.StatusReasonInvalid,
			},
		} {
			By(test.kind + " " + test.object.GetName() + " by reason " + string(test.reason))
			refusing(ctx, test.group, test.resource, test.reason)
			policy := "refuse-" + test.resource
			if test.reason != metav1.StatusReasonInvalid {
				policy += "-otherwise"
			}
			h.label(ctx, labelRefuse, policy)
			write := func() error {
				return asOperator().Patch(ctx, test.object,
					client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"x":"y"}}}`)))
			}
			eventuallyRefuses(write)
			standby := h.pod(ctx, v1alpha1.Secondary)
			if h.seen(ctx).Status.Active == v1alpha1.Secondary {
				standby = h.pod(ctx, v1alpha1.Primary)
			}
			Expect(admin.Delete(ctx, test.object, client.GracePeriodSeconds(0))).To(Succeed())
			Expect(admin.Delete(ctx, standby, client.GracePeriodSeconds(0))).To(Succeed())

			h.awaitGone(ctx, test.object)
			h.reconcile(ctx)
			made := &corev1.Pod{}
			Expect(h.get(ctx, standby.Name, made)).To(Succeed(), "the standby was not made again")
			Expect(made.UID).NotTo(Equal(standby.UID))
			h.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
				h.described(test.kind, test.object.GetName()), "no "+test.resource+" here")
			Expect(apierrors.IsNotFound(h.get(ctx, test.object.GetName(), test.object))).To(BeTrue())

			h.label(ctx, labelRefuse, "")
			Eventually(func() error { h.reconcile(ctx); return h.get(ctx, test.object.GetName(), test.object) }).
				Should(Succeed(), "the object was not made again")
			h.continueToRest(ctx)
			h.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
		}
	})

	It("keeps the last configuration in force, and lost units are made again with it", func(ctx SpecContext) {
		h := newBroughtUp(ctx)
		in := h.documentHash(ctx)
		refusing(ctx, "", "configmaps", metav1.StatusReasonRequestEntityTooLarge)
		h.label(ctx, labelRefuse, "refuse-configmaps-otherwise")
		eventuallyRefuses(func() error {
			return asOperator().Patch(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
				Namespace: h.namespace, Name: "edge-firewall",
			}}, client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"labels":{"x":"y"}}}`)))
		})
		h.change(ctx, func(spec *v1alpha1.HAPairSpec) {
			spec.Firewall.ConfigurationRef = named("drop")
			spec.Failover.LeaseDurationSeconds = 20 // The settings are refused as well.
		})
		standby := h.pod(ctx, v1alpha1.Secondary)
		Expect(admin.Delete(ctx, standby, client.GracePeriodSeconds(0))).To(Succeed())
		Eventually(func(g Gomega) {
			h.reconcile(ctx) // It tries to write the ConfigMaps each time.
			acted, err := h.player.Step(ctx)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(acted).To(BeFalse())
		}).Should(Succeed())
		h.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonInvalid,
			"FirewallConfiguration drop comes to", "no configmaps here", "the last valid configuration stays in force")
		h.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked, "ConfigMap "+h.namespace+"/edge-sidecar")
		h.eventually(ctx, v1alpha1.ConditionRedundant, v1alpha1.ReasonStandbyReady)
		Expect(h.pod(ctx, v1alpha1.Secondary).Annotations[v1alpha1.AnnotationConfigurationHash]).To(Equal(in))

		h.label(ctx, labelRefuse, "")
		Eventually(func() string { h.reconcile(ctx); return h.documentHash(ctx) }).ShouldNot(Equal(in))
		h.continueToRest(ctx)
		h.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
	})
})

var _ = Describe("A pod whose sandbox is not made", func() {
	It("is reported with the error of the CNI plugin", func(ctx SpecContext) {
		h := newBroughtUp(ctx)
		Expect(admin.Delete(ctx, h.pod(ctx, v1alpha1.Secondary), client.GracePeriodSeconds(0))).To(Succeed())
		h.reconcile(ctx)
		pod := h.pod(ctx, v1alpha1.Secondary)
		Expect(units.Bind(pod, "node-2")(ctx, admin)).To(Succeed())
		warn := func(name, reason, message string, ago time.Duration) {
			GinkgoHelper()
			at := metav1.NewTime(time.Now().Add(-ago))
			Expect(admin.Create(ctx, &corev1.Event{
				ObjectMeta: metav1.ObjectMeta{Namespace: h.namespace, Name: name},
				InvolvedObject: corev1.ObjectReference{
					Kind: "Pod", Namespace: h.namespace, Name: pod.Name, UID: pod.UID, APIVersion: "v1",
				},
				Type: corev1.EventTypeWarning, Reason: reason, Message: message, FirstTimestamp: at, LastTimestamp: at,
			})).To(Succeed())
		}
		warn("first", "FailedMount", `MountVolume.SetUp failed for volume "tls"`, time.Minute)
		warn("last", "FailedCreatePodSandBox", "Failed to create pod sandbox: plugin type=\"multus\" failed (add): "+
			"0123456789abcdef0123456789abcdef: failed to allocate for range 0: no IP addresses available in range set",
			time.Second)
		h.reconcile(ctx)
		Expect(h.seen(ctx).Status.Conditions).NotTo(ContainElement(HaveField("Message", ContainSubstring("multus"))),
			"a young pod is expected to start")

		h.life.reconciler.Now = func() time.Time { return time.Now().Add(10 * time.Second) }
		h.reconcile(ctx)
		const cause = "FailedCreatePodSandBox: Failed to create pod sandbox"
		h.eventually(ctx, v1alpha1.ConditionRedundant, v1alpha1.ReasonStandbyNotReady,
			"Unit secondary on node node-2", cause, "no IP addresses available")
		h.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCreating, "Unit secondary", cause)
		Expect(h.seen(ctx).Status.Conditions).NotTo(ContainElement(HaveField("Message", ContainSubstring("0123456789"))),
			"the message would change at each try")

		h.life.reconciler.Now = func() time.Time { return time.Now().Add(time.Hour) }
		h.reconcile(ctx)
		h.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonProgressDeadlineExceeded, "no IP addresses available")
		h.life.reconciler.Now = time.Now
		h.continueToRest(ctx)
		h.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
	})
})
