//go:build apiserver

package operator

import (
	"encoding/json"
	"regexp"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/test/operator/units"
)

var _ = Describe("What the units tell of failover", func() {
	var s *stage
	BeforeEach(func(ctx SpecContext) { s = newStage(ctx) })

	report := func(term uint64, cause string) string {
		GinkgoHelper()
		text, err := json.Marshal(contract.FailoverReport{
			Term: term, Unit: "secondary", Cause: cause, At: "2031-05-04T03:02:01.123456789Z",
			DetectedMicroseconds: 351_000, ClaimedMicroseconds: 9_000, FencedMicroseconds: 80_000, CommittedMicroseconds: 50,
			OpenedMicroseconds: 100, AttachedMicroseconds: 600, AnnouncedMicroseconds: 150, VerifiedMicroseconds: 50,
			TotalMicroseconds: 440_950, SessionsHeld: 500_000,
		})
		Expect(err).NotTo(HaveOccurred())
		return string(text)
	}

	It("has the last failover in the status, and an Event for each term", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		Expect(s.seen(ctx).Status.LastFailover).To(BeNil())

		s.hold(ctx, v1alpha1.Secondary, 2)
		s.note(ctx, v1alpha1.AnnotationLastFailover, report(2, "Silence"))
		want := &v1alpha1.FailoverStatus{
			Unit: "secondary", Cause: "Silence", Term: 2,
			Time:                 metav1.NewMicroTime(time.Date(2031, 5, 4, 3, 2, 1, 123456000, time.UTC).Local()),
			DetectedMicroseconds: 351_000, ClaimedMicroseconds: 9_000, FencedMicroseconds: 80_000, CommittedMicroseconds: 50,
			OpenedMicroseconds: 100, AttachedMicroseconds: 600, AnnouncedMicroseconds: 150, VerifiedMicroseconds: 50,
			TotalMicroseconds: 440_950, SessionsHeld: new(int64(500_000)),
		}
		Eventually(func() *v1alpha1.FailoverStatus { return s.seen(ctx).Status.LastFailover }).Should(Equal(want))
		Eventually(s.events).WithArguments(ctx, "FailoverCompleted").Should(ConsistOf(And(
			HavePrefix("Unit secondary became active in term 2 (Silence) within 440.9 ms: detection 351.0 ms,"),
			HaveSuffix("sessions held 500000"))))

		By("writing nothing again while the report stays what it is")
		s.rest(ctx)

		By("passing over what is none, without stopping at it")
		s.note(ctx, v1alpha1.AnnotationLastFailover, `{"term": "x"`)
		s.say(ctx, v1alpha1.Primary, units.NotInSync(v1alpha1.ReasonPeerDisconnected))
		s.eventually(ctx, v1alpha1.ConditionSynchronized, v1alpha1.ReasonPeerDisconnected)
		Expect(s.seen(ctx).Status.LastFailover).To(Equal(want))

		By("telling of the next one")
		s.hold(ctx, v1alpha1.Primary, 3)
		s.note(ctx, v1alpha1.AnnotationLastFailover, report(3, "Stop"))
		Eventually(func() map[string]string { return eventTypes(ctx, s, "FailoverCompleted") }).Should(Equal(
			map[string]string{"term 2": corev1.EventTypeWarning, "term 3": corev1.EventTypeNormal}))
	})

	It("has each unit's fence and health in the status", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		s.say(ctx, v1alpha1.Primary,
			units.Condition(v1alpha1.PodConditionFenced, true, v1alpha1.ReasonBPF, ""),
			units.Condition(v1alpha1.PodConditionHealthy, true, v1alpha1.ReasonMonitorsGood, ""))
		s.say(ctx, v1alpha1.Secondary,
			units.Condition(v1alpha1.PodConditionFenced, true, v1alpha1.ReasonNFTables, ""),
			units.Condition(v1alpha1.PodConditionHealthy, false, v1alpha1.ReasonMonitorFailed, "lan has no carrier"))
		Eventually(func() []v1alpha1.UnitStatus { return s.seen(ctx).Status.Units }).Should(ConsistOf(
			And(HaveField("Fence", v1alpha1.FenceBPF), HaveField("Healthy", HaveValue(BeTrue())), HaveField("Fault", "")),
			And(HaveField("Fence", v1alpha1.FenceNFTables), HaveField("Healthy", HaveValue(BeFalse())),
				HaveField("Fault", "lan has no carrier")),
		))
		Expect(s.condition(ctx, v1alpha1.ConditionDegraded)).To(HaveField("Status", metav1.ConditionFalse))
	})

	It("tells of another station that claims a virtual address, and when it is gone", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		conflict := func(is bool, reason, message string) corev1.PodCondition {
			return units.Condition(v1alpha1.PodConditionAddressConflict, is, reason, message)
		}
		s.say(ctx, v1alpha1.Secondary, conflict(true, v1alpha1.ReasonDuplicateAddress, "an echo"))
		s.say(ctx, v1alpha1.Primary, conflict(true, v1alpha1.ReasonDuplicateAddress, "192.168.50.1 on lan is at 02:..:99"))
		s.eventually(ctx, v1alpha1.ConditionAddressConflict, v1alpha1.ReasonDuplicateAddress,
			"Unit primary", "192.168.50.1 on lan is at 02:..:99")
		Expect(s.condition(ctx, v1alpha1.ConditionAddressConflict).Status).To(Equal(metav1.ConditionTrue))
		Eventually(s.events).WithArguments(ctx, "AddressConflict").Should(ConsistOf(ContainSubstring("02:..:99")))

		s.say(ctx, v1alpha1.Primary, conflict(false, v1alpha1.ReasonNoConflict, ""))
		s.eventually(ctx, v1alpha1.ConditionAddressConflict, v1alpha1.ReasonNoConflict)
		Eventually(s.events).WithArguments(ctx, "AddressConflictGone").Should(HaveLen(1))
	})
})

var _ = Describe("A pause", func() {
	var s *stage
	BeforeEach(func(ctx SpecContext) { s = newStage(ctx) })
	pause := func(is bool) func(*v1alpha1.HAPairSpec) {
		return func(spec *v1alpha1.HAPairSpec) { spec.Paused = is }
	}

	It("reaches the units by the Lease, and stays there until it ends", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		Expect(s.leaseNotes(ctx)).NotTo(HaveKey(v1alpha1.AnnotationPaused))

		s.change(ctx, pause(true))
		Eventually(s.leaseNotes).WithArguments(ctx).Should(HaveKeyWithValue(v1alpha1.AnnotationPaused, "true"))
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonPaused, "spec.paused is set")
		s.hold(ctx, v1alpha1.Secondary, 2) // a dead active is taken over from all the same
		Eventually(func() v1alpha1.Unit { return s.seen(ctx).Status.Active }).Should(Equal(v1alpha1.Secondary))
		Expect(s.leaseNotes(ctx)).To(HaveKeyWithValue(v1alpha1.AnnotationPaused, "true"))

		s.note(ctx, "hapair.io/lease-standby", "primary/1/2")
		s.change(ctx, pause(false))
		Eventually(s.leaseNotes).WithArguments(ctx).Should(And(
			Not(HaveKey(v1alpha1.AnnotationPaused)), HaveKey("hapair.io/lease-standby")))
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
	})

	It("is put back when someone removes it from the Lease", func(ctx SpecContext) {
		s.pair.Spec.Paused = true
		s.create(ctx)
		s.settleAs(ctx, v1alpha1.ReasonPaused)
		s.note(ctx, v1alpha1.AnnotationPaused, "false")
		Eventually(s.leaseNotes).WithArguments(ctx).Should(HaveKeyWithValue(v1alpha1.AnnotationPaused, "true"))
	})

	It("reaches the units though the spec lacks something", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) {
			spec.Paused = true
			spec.SyncPolicyRef = &v1alpha1.SyncPolicyReference{Name: "nowhere"}
		})
		Eventually(s.leaseNotes).WithArguments(ctx).Should(HaveKeyWithValue(v1alpha1.AnnotationPaused, "true"))
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked, "SyncPolicy nowhere")
	})

	It("keeps outdated units until it ends, and replaces a lost one", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		deleted := func() *metav1.Time { return s.pod(ctx, v1alpha1.Secondary).DeletionTimestamp }
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) {
			spec.Paused = true
			spec.Failover.HeartbeatIntervalMilliseconds = 50
		})
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonPaused,
			"unit primary: it is outdated and kept", "unit secondary: it is outdated and kept")
		Consistently(deleted).Should(BeNil())

		lost := s.pod(ctx, v1alpha1.Primary)
		Expect(admin.Delete(ctx, lost, client.GracePeriodSeconds(0))).To(Succeed())
		Eventually(func() bool {
			pod := &corev1.Pod{}
			return s.get(ctx, lost.Name, pod) == nil && pod.UID != lost.UID
		}).Should(BeTrue())
		Consistently(deleted).Should(BeNil())
		s.run(ctx, v1alpha1.Primary, units.RoleIs(v1alpha1.RoleActive), units.InSync(), units.Enforces(s.documentHash(ctx)))
		s.hold(ctx, v1alpha1.Primary, 2)

		s.change(ctx, pause(false))
		Eventually(deleted).ShouldNot(BeNil())
	})
})

// eventTypes are the types of the Events with this reason, by the term that their notes name.
func eventTypes(ctx SpecContext, s *stage, reason string) map[string]string {
	GinkgoHelper()
	list := &eventsv1.EventList{}
	Expect(admin.List(ctx, list, client.InNamespace(s.namespace))).To(Succeed())
	types := map[string]string{}
	for _, e := range list.Items {
		if e.Reason == reason {
			types[regexp.MustCompile(`term [0-9]+`).FindString(e.Note)] = e.Type
		}
	}
	return types
}
