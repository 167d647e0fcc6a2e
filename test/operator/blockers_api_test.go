//go:build apiserver

package operator

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/operator/units"
)

var _ = Describe("A pair and what it depends on", func() {
	var s *stage
	BeforeEach(func(ctx SpecContext) { s = newStage(ctx) })

	noPods := func(ctx SpecContext) {
		GinkgoHelper()
		for _, unit := range v1alpha1.Units() {
			Expect(apierrors.IsNotFound(s.get(ctx, s.podName(unit), &corev1.Pod{}))).To(BeTrue())
		}
	}
	podsUntouched := func(ctx SpecContext) func() {
		GinkgoHelper()
		before := map[v1alpha1.Unit]*corev1.Pod{}
		for _, unit := range v1alpha1.Units() {
			before[unit] = s.pod(ctx, unit)
		}
		return func() {
			GinkgoHelper()
			Consistently(func(g Gomega) {
				for unit, pod := range before {
					now := &corev1.Pod{}
					g.Expect(s.get(ctx, s.podName(unit), now)).To(Succeed())
					g.Expect(now.UID).To(Equal(pod.UID))
					g.Expect(now.DeletionTimestamp).To(BeNil())
				}
			}).Should(Succeed())
		}
	}

	It("does not start with an invalid configuration", func(ctx SpecContext) {
		s.pair.Spec.Firewall.ConfigurationRef = named(unknownZone)
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonConfigurationInvalid,
			"FirewallConfiguration moon", "spec.policies[0].to[0]", "moon")
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonInvalid, "spec.policies[0].to[0]")
		Eventually(s.events).WithArguments(ctx, "ConfigurationRefused").
			Should(ConsistOf(ContainSubstring("spec.policies[0].to[0]")))
		noPods(ctx)

		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Firewall.ConfigurationRef = named("accept") })
		s.settle(ctx)
	})

	It("refuses a configuration that names an interface which it does not have", func(ctx SpecContext) {
		s.pair.Spec.Firewall.ConfigurationRef = named("accept-dmz")
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonConfigurationInvalid, "spec.zones[2].interfaces[0]", "dmz")
	})

	It("keeps the last valid configuration in force", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		good := &corev1.ConfigMap{}
		Expect(s.get(ctx, "edge-firewall", good)).To(Succeed())
		untouched := podsUntouched(ctx)

		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Firewall.ConfigurationRef = named(unknownZone) })
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonInvalid,
			"spec.policies[0].to[0]", "the last valid configuration stays in force")
		s.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonConfigurationNotApplied, "Unit primary serves")
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked)
		after := &corev1.ConfigMap{}
		Expect(s.get(ctx, "edge-firewall", after)).To(Succeed())
		Expect(after.Data).To(Equal(good.Data))
		untouched()

		By("not replacing units for another change meanwhile")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Firewall.Image = "example.test/firewall:2" })
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked)
		untouched()

		By("still replacing a lost unit")
		lost := s.pod(ctx, v1alpha1.Secondary)
		Expect(admin.Delete(ctx, lost, client.GracePeriodSeconds(0))).To(Succeed())
		Eventually(func() bool {
			pod := &corev1.Pod{}
			return s.get(ctx, lost.Name, pod) == nil && pod.UID != lost.UID
		}).Should(BeTrue())
	})

	It("takes a changed configuration to running units without replacing them", func(ctx SpecContext) {
		rules := newFirewall(s.namespace, "rules", "Accept")
		Expect(admin.Create(ctx, rules)).To(Succeed())
		s.pair.Spec.Firewall.ConfigurationRef = named("rules")
		s.create(ctx)
		s.settle(ctx)
		before, untouched := s.documentHash(ctx), podsUntouched(ctx)

		Expect(put(ctx, rules, func(rules *v1alpha1.FirewallConfiguration) {
			rules.Spec.Policies[0].Action = "Drop"
		})).To(Succeed())
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonApplying,
			"unit primary and unit secondary")
		Expect(s.documentHash(ctx)).NotTo(Equal(before))

		for _, unit := range v1alpha1.Units() {
			s.report(ctx, unit, units.Enforces(s.documentHash(ctx)))
		}
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonApplied)
		untouched()

		By("reporting a unit that cannot apply it")
		s.report(ctx, v1alpha1.Secondary, units.Refuses("no such expression"))
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonRefusedByUnit,
			"unit secondary", "no such expression")
	})

	It("waits for a FirewallConfiguration, and keeps it in force after its deletion", func(ctx SpecContext) {
		s.pair.Spec.Firewall.ConfigurationRef = named("rules")
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonReferenceNotFound,
			"FirewallConfiguration rules does not exist", "create it")
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonConfigurationNotFound)
		noPods(ctx)

		rules := newFirewall(s.namespace, "rules", "Accept")
		Expect(admin.Create(ctx, rules)).To(Succeed())
		s.settle(ctx)
		untouched := podsUntouched(ctx)

		Expect(admin.Delete(ctx, rules)).To(Succeed())
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonConfigurationNotFound,
			"does not exist", "last valid")
		s.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonConfigurationNotApplied)
		untouched()
	})

	It("starts without a configuration if its image brings one", func(ctx SpecContext) {
		s.pair.Spec.Firewall = v1alpha1.FirewallSpec{Image: "example.test/firewall:2"}
		s.create(ctx)
		s.pod(ctx, v1alpha1.Primary)
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonApplying, "unit primary and unit secondary")
		given := &corev1.ConfigMap{}
		s.eventuallyGet(ctx, "edge-firewall", given)
		Expect(given.Data).To(BeEmpty())

		for i, unit := range v1alpha1.Units() {
			s.run(ctx, unit, units.Enforces("of its own "+string(unit)[:i+1]))
		}
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonSelfConfigured,
			"configuration of their image")
		untouched := podsUntouched(ctx)

		By("giving it a configuration later")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Firewall.ConfigurationRef = named("accept") })
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonApplying)
		Eventually(func(g Gomega) {
			g.Expect(s.get(ctx, "edge-firewall", given)).To(Succeed())
			g.Expect(given.Data).To(HaveKeyWithValue("firewall.json", ContainSubstring(`"action":"Accept"`)))
		}).Should(Succeed())
		untouched()
	})

	It("waits for a SyncPolicy, and continues without it later", func(ctx SpecContext) {
		s.pair.Spec.SyncPolicyRef = &v1alpha1.SyncPolicyReference{Name: "slow"}
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonReferenceNotFound,
			"SyncPolicy slow does not exist", "create it")
		noPods(ctx)

		slow := &v1alpha1.SyncPolicy{
			ObjectMeta: metav1.ObjectMeta{Name: "slow", Namespace: s.namespace},
			Spec:       v1alpha1.SyncPolicySpec{Throttle: &v1alpha1.SyncThrottle{RecordsPerSecond: 100}},
		}
		Expect(admin.Create(ctx, slow)).To(Succeed())
		s.settle(ctx)
		untouched := podsUntouched(ctx)

		Expect(admin.Delete(ctx, slow)).To(Succeed())
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
			"SyncPolicy slow does not exist", "continues to replicate what it did")
		s.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonActive)
		untouched()
	})

	It("names a missing attachment that keeps a pod from starting", func(ctx SpecContext) {
		s.pair.Spec.Networks[1].Attachment.Multus.Name = "nowhere"
		s.create(ctx)
		pod := s.pod(ctx, v1alpha1.Primary)
		Expect(admin.SubResource("binding").Create(ctx, pod, &corev1.Binding{
			Target: corev1.ObjectReference{Kind: "Node", Name: "node-1"},
		})).To(Succeed())
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
			"NetworkAttachmentDefinition "+s.namespace+"/nowhere of spec.networks[1] (wan) does not exist")
		s.run(ctx, v1alpha1.Primary)
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCreating)
	})

	It("reports why a pod has no node, or why its containers do not run", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		s.setStatus(ctx, v1alpha1.Secondary, func(status *corev1.PodStatus) {
			units.SetConditions(status, units.Ready(false))
			firewall := corev1.ContainerStatus{Name: "firewall"}
			firewall.State.Waiting = &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}
			firewall.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
				ExitCode: 3, Message: "no nftables",
			}
			status.ContainerStatuses = []corev1.ContainerStatus{firewall}
		})
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
			"CrashLoopBackOff", "exit code 3", "no nftables")
		s.eventually(ctx, v1alpha1.ConditionRedundant, v1alpha1.ReasonStandbyNotReady, "no nftables")

		Expect(admin.Delete(ctx, s.pod(ctx, v1alpha1.Secondary), client.GracePeriodSeconds(0))).To(Succeed())
		s.pod(ctx, v1alpha1.Secondary)
		s.setStatus(ctx, v1alpha1.Secondary, func(status *corev1.PodStatus) {
			units.SetConditions(status,
				units.PodCondition(corev1.PodScheduled, false, "Unschedulable", "0/2 nodes are available"))
		})
		s.eventually(ctx, v1alpha1.ConditionRedundant, v1alpha1.ReasonStandbyMissing, "0/2 nodes are available")
	})

	It("reports what the API server refuses", func(ctx SpecContext) {
		s.pair.Spec.Units.Scheduling.NodeSelector = map[string]string{"no such/label/key": "x"}
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
			"applying Pod "+s.namespace+"/edge-primary", "no such/label/key")
		Eventually(s.events).WithArguments(ctx, "Blocked").Should(HaveLen(1))

		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Units.Scheduling.NodeSelector = nil })
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCreating)
	})
})
