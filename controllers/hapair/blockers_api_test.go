//go:build apiserver

package hapair_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

func inline(text string) v1alpha1.FirewallConfigurationSource {
	return v1alpha1.FirewallConfigurationSource{Inline: &runtime.RawExtension{Raw: []byte(text)}}
}

func fromConfigMap(name string) v1alpha1.FirewallConfigurationSource {
	return v1alpha1.FirewallConfigurationSource{ConfigMapRef: &v1alpha1.ConfigMapKeyReference{Name: name}}
}

var _ = Describe("What a spec lacks", func() {
	var s *stage
	BeforeEach(func(ctx SpecContext) { s = newStage(ctx) })

	newConfigMap := func(name, document string) *corev1.ConfigMap {
		return &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: s.namespace},
			Data:       map[string]string{"firewall.yaml": document},
		}
	}
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

	It("keeps a new pair from starting with a document that is refused", func(ctx SpecContext) {
		s.pair.Spec.Firewall.Configuration = inline(strings.Replace(document, `"to": ["wan"]`, `"to": ["moon"]`, 1))
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonConfigurationInvalid,
			"spec.firewall.configuration.inline", "policies[0].to[0]", "moon")
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonInvalid, "policies[0].to[0]")
		Eventually(s.events).WithArguments(ctx, "ConfigurationRefused").
			Should(ConsistOf(ContainSubstring("policies[0].to[0]")))
		noPods(ctx)

		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Firewall.Configuration = inline(document) })
		s.settle(ctx)
	})

	It("refuses a document that speaks of an interface that the pair does not have", func(ctx SpecContext) {
		s.pair.Spec.Firewall.Configuration = inline(strings.Replace(document, `["lan"]}`, `["dmz"]}`, 1))
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonConfigurationInvalid, "zones[0].interfaces[0]", "dmz")
	})

	It("leaves the last good document in force", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		good := &corev1.ConfigMap{}
		Expect(s.get(ctx, "edge-firewall", good)).To(Succeed())
		untouched := podsUntouched(ctx)

		s.change(ctx, func(spec *v1alpha1.HAPairSpec) {
			spec.Firewall.Configuration = inline(`{"kind": "FirewallConfiguration", "surprise": 1}`)
		})
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonInvalid,
			"surprise", "the last good document stays in force")
		s.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonActive)
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked)
		after := &corev1.ConfigMap{}
		Expect(s.get(ctx, "edge-firewall", after)).To(Succeed())
		Expect(after.Data).To(Equal(good.Data))
		untouched()

		By("not replacing units for another change meanwhile")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Firewall.Image = "example.test/firewall:2" })
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked)
		untouched()

		By("making a unit that is lost anew all the same")
		lost := s.pod(ctx, v1alpha1.Secondary)
		Expect(admin.Delete(ctx, lost, client.GracePeriodSeconds(0))).To(Succeed())
		Eventually(func() bool {
			pod := &corev1.Pod{}
			return s.get(ctx, lost.Name, pod) == nil && pod.UID != lost.UID
		}).Should(BeTrue())
	})

	It("takes a changed document to running units without replacing them", func(ctx SpecContext) {
		users := newConfigMap("rules", document)
		Expect(admin.Create(ctx, users)).To(Succeed())
		s.pair.Spec.Firewall.Configuration = fromConfigMap("rules")
		s.create(ctx)
		s.settle(ctx)
		before, untouched := s.documentHash(ctx), podsUntouched(ctx)

		users.Data["firewall.yaml"] = strings.Replace(document, "Accept", "Drop", 1)
		Expect(admin.Update(ctx, users)).To(Succeed())
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonApplying,
			"unit primary and unit secondary")
		Expect(s.documentHash(ctx)).NotTo(Equal(before))

		for _, unit := range v1alpha1.Units() {
			s.say(ctx, unit, enforces(s.documentHash(ctx)))
		}
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonApplied)
		untouched()

		By("telling when a unit cannot apply it")
		s.say(ctx, v1alpha1.Secondary, refuses("no such expression"))
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonRefusedByUnit,
			"unit secondary", "no such expression")
	})

	It("waits for a ConfigMap, and goes on without it later", func(ctx SpecContext) {
		s.pair.Spec.Firewall.Configuration = fromConfigMap("rules")
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonReferenceNotFound,
			"ConfigMap rules does not exist", "create it")
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonConfigurationNotFound)
		noPods(ctx)

		users := newConfigMap("rules", document)
		Expect(admin.Create(ctx, users)).To(Succeed())
		s.settle(ctx)
		untouched := podsUntouched(ctx)

		delete(users.Data, "firewall.yaml")
		Expect(admin.Update(ctx, users)).To(Succeed())
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonConfigurationNotFound,
			"has no key firewall.yaml")
		Expect(admin.Delete(ctx, users)).To(Succeed())
		s.eventually(ctx, v1alpha1.ConditionConfigurationApplied, v1alpha1.ReasonConfigurationNotFound,
			"does not exist", "last good")
		s.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonActive)
		untouched()
	})

	It("waits for a SyncPolicy, and goes on without it later", func(ctx SpecContext) {
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
			"SyncPolicy slow does not exist", "goes on")
		s.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonActive)
		untouched()
	})

	It("names the attachment that keeps a pod from starting", func(ctx SpecContext) {
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

	It("tells why a pod gets no node, or why its containers do not run", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		s.setStatus(ctx, v1alpha1.Secondary, func(status *corev1.PodStatus) {
			setPodConditions(status, podCondition(corev1.PodReady, false, "", ""))
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
			setPodConditions(status,
				podCondition(corev1.PodScheduled, false, "Unschedulable", "0/2 nodes are available"))
		})
		s.eventually(ctx, v1alpha1.ConditionRedundant, v1alpha1.ReasonStandbyMissing, "0/2 nodes are available")
	})

	It("tells what the API server refuses", func(ctx SpecContext) {
		s.pair.Spec.Firewall.Scheduling.NodeSelector = map[string]string{"no such/label/key": "x"}
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
			"applying Pod "+s.namespace+"/edge-primary", "no such/label/key")
		Eventually(s.events).WithArguments(ctx, "Blocked").Should(HaveLen(1))

		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Firewall.Scheduling.NodeSelector = nil })
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCreating)
	})
})
