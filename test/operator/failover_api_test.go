//go:build apiserver

package operator

import (
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/operator/units"
)

var _ = Describe("The reports of the units about failover", func() {
	var s *stage
	BeforeEach(func(ctx SpecContext) { s = newStage(ctx) })

	promoted := func(unit v1alpha1.Unit, term int64, cause string) v1alpha1.FailoverRecord {
		return v1alpha1.FailoverRecord{
			From: string(unit.Peer()), To: string(unit), Term: term, Cause: cause,
			Time: metav1.NewMicroTime(time.Date(2031, 5, 4, 3, 2, int(term), 123456000, time.UTC).Local()),
			Steps: []v1alpha1.FailoverStep{
				{Name: "Detected", Microseconds: 351_000},
				{Name: "Claimed", Microseconds: 9_000},
				{Name: "FenceConfirmed", Microseconds: 80_950},
			},
			ConnectionsHeld: new(int64(500_000)),
		}
	}
	history := func(ctx SpecContext) func() []v1alpha1.FailoverRecord {
		return func() []v1alpha1.FailoverRecord { return s.seen(ctx).Status.History }
	}

	It("appear in the history of the status, with an Event for each", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		Expect(history(ctx)()).To(BeEmpty())

		second := promoted(v1alpha1.Secondary, 2, "Silence")
		s.hold(ctx, v1alpha1.Secondary, 2)
		s.report(ctx, v1alpha1.Secondary, units.FailedOver(second))
		Eventually(history(ctx)).Should(Equal([]v1alpha1.FailoverRecord{second}))
		Eventually(s.events).WithArguments(ctx, "FailoverCompleted").Should(ConsistOf(And(
			HavePrefix("Unit secondary became active in term 2 (Silence) within 440.9 ms: Detected 351.0 ms,"),
			HaveSuffix("connections held 500000"))))

		By("writing nothing while the report stays the same")
		s.rest(ctx)

		By("ignoring an implausible record, and reading the rest of the report")
		s.report(ctx, v1alpha1.Primary, units.FailedOver(promoted(v1alpha1.Primary, 99, "Silence")),
			units.NotInSync(v1alpha1.ReasonPeerDisconnected))
		s.eventually(ctx, v1alpha1.ConditionSynchronized, v1alpha1.ReasonPeerDisconnected)
		Expect(history(ctx)()).To(Equal([]v1alpha1.FailoverRecord{second}))

		By("reporting the next one")
		third := promoted(v1alpha1.Primary, 3, "Stop")
		s.hold(ctx, v1alpha1.Primary, 3)
		s.report(ctx, v1alpha1.Primary, units.FailedOver(third))
		Eventually(history(ctx)).Should(Equal([]v1alpha1.FailoverRecord{third, second}))
		Eventually(s.events).WithArguments(ctx, "SwitchoverCompleted").Should(ConsistOf(ContainSubstring("term 3 (Stop)")))
	})

	It("appear with the fence and the health of each unit in the status", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		s.report(ctx, v1alpha1.Primary,
			units.Monitors(v1alpha1.FenceBPF, v1alpha1.UnitHealth{Name: "lan", Healthy: true}))
		s.report(ctx, v1alpha1.Secondary,
			units.Monitors(v1alpha1.FenceNFTables, v1alpha1.UnitHealth{Name: "lan", Message: "no carrier"}))
		Eventually(func() []v1alpha1.UnitStatus { return s.seen(ctx).Status.Units }).Should(ConsistOf(
			And(HaveField("Fence", v1alpha1.FenceBPF), HaveField("Healthy", HaveValue(BeTrue())), HaveField("Fault", "")),
			And(HaveField("Fence", v1alpha1.FenceNFTables), HaveField("Healthy", HaveValue(BeFalse())),
				HaveField("Fault", "lan: no carrier")),
		))
		Expect(s.condition(ctx, v1alpha1.ConditionDegraded)).To(And(
			HaveField("Status", metav1.ConditionTrue), HaveField("Reason", v1alpha1.ReasonUnitUnhealthy),
			HaveField("Message", Equal("Unit secondary fails check lan: no carrier"))))
	})

	It("show when another station claims a virtual address, and when it stops", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		conflict := func(is bool, reason, message string) units.Report {
			return units.Condition(v1alpha1.ConditionAddressConflict, is, reason, message)
		}
		s.report(ctx, v1alpha1.Secondary, conflict(true, v1alpha1.ReasonDuplicateAddress, "an echo"))
		s.report(ctx, v1alpha1.Primary, conflict(true, v1alpha1.ReasonDuplicateAddress, "192.168.50.1 on lan is at 02:..:99"))
		s.eventually(ctx, v1alpha1.ConditionAddressConflict, v1alpha1.ReasonDuplicateAddress,
			"Unit primary", "192.168.50.1 on lan is at 02:..:99")
		Expect(s.condition(ctx, v1alpha1.ConditionAddressConflict).Status).To(Equal(metav1.ConditionTrue))
		Eventually(s.events).WithArguments(ctx, "AddressConflict").Should(ConsistOf(ContainSubstring("02:..:99")))

		s.report(ctx, v1alpha1.Primary, conflict(false, v1alpha1.ReasonNoConflict, ""))
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

	It("reaches the units by the Lease until it ends", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		Expect(s.leaseNotes(ctx)).NotTo(HaveKey(v1alpha1.AnnotationPaused))

		s.change(ctx, pause(true))
		Eventually(s.leaseNotes).WithArguments(ctx).Should(HaveKeyWithValue(v1alpha1.AnnotationPaused, "true"))
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonPaused, "spec.paused is set")
		s.hold(ctx, v1alpha1.Secondary, 2) // a pause does not prevent a failover
		Eventually(func() v1alpha1.Unit { return s.seen(ctx).Status.Active }).Should(Equal(v1alpha1.Secondary))
		Expect(s.leaseNotes(ctx)).To(HaveKeyWithValue(v1alpha1.AnnotationPaused, "true"))

		s.note(ctx, "hapair.io/lease-standby", "primary/1/2")
		s.change(ctx, pause(false))
		Eventually(s.leaseNotes).WithArguments(ctx).Should(And(
			Not(HaveKey(v1alpha1.AnnotationPaused)), HaveKey("hapair.io/lease-standby")))
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
	})

	It("is restored when someone removes it from the Lease", func(ctx SpecContext) {
		s.pair.Spec.Paused = true
		s.create(ctx)
		s.settleAs(ctx, v1alpha1.ReasonPaused)
		s.note(ctx, v1alpha1.AnnotationPaused, "false")
		Eventually(s.leaseNotes).WithArguments(ctx).Should(HaveKeyWithValue(v1alpha1.AnnotationPaused, "true"))
	})

	It("reaches the units while something that the spec names is missing", func(ctx SpecContext) {
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
