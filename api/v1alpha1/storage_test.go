//go:build apiserver

package v1alpha1_test

import (
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

var _ = Describe("The API server", func() {
	It("adds the defaults of the whole spec", func(ctx SpecContext) {
		Expect(server.Create(ctx, parse(`
apiVersion: hapair.io/v1alpha1
kind: HAPair
metadata: {name: defaults, namespace: default}
spec:
  firewall: {configurationRef: {name: edge}}
  networks: [{name: lan, attachment: {multus: {name: lan}}, virtualAddresses: [192.0.2.1/24]}]
  service: {ports: [{name: https, port: 443}]}
  failover:
    preemption: {policy: WhenHealthy}
    monitors:
      probes:
      - {name: gateway, network: lan, icmp: {host: 192.0.2.254}}
      - {name: portal, network: lan, http: {host: 192.0.2.80}}`))).To(Succeed())

		stored := &v1alpha1.HAPair{}
		Expect(server.Get(ctx, client.ObjectKey{Namespace: "default", Name: "defaults"}, stored)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(server.Delete(ctx, stored)).To(Succeed()) })

		const interval, timeout, failures, successes = 1000, 500, 3, 2
		Expect(stored.Spec.Failover).To(Equal(v1alpha1.FailoverSpec{
			HeartbeatIntervalMilliseconds: 100, MissedHeartbeats: 3, LeaseDurationSeconds: 15,
			Isolation: v1alpha1.IsolationFence,
			Preemption: v1alpha1.PreemptionSpec{
				Policy: v1alpha1.PreemptWhenHealthy, DelaySeconds: new(int32(300)),
			},
			Monitors: v1alpha1.MonitorsSpec{DampingSeconds: 3, Probes: []v1alpha1.ProbeSpec{
				{
					Name: "gateway", Network: "lan", ICMP: &v1alpha1.ICMPProbe{Host: "192.0.2.254"},
					IntervalMilliseconds: interval, TimeoutMilliseconds: timeout,
					FailureThreshold: failures, SuccessThreshold: successes,
				},
				{
					Name: "portal", Network: "lan",
					HTTP:                 &v1alpha1.HTTPProbe{Host: "192.0.2.80", Port: 80, Path: "/"},
					IntervalMilliseconds: interval, TimeoutMilliseconds: timeout,
					FailureThreshold: failures, SuccessThreshold: successes,
				},
			}},
		}))
		Expect(stored.Spec.Networks[0].VirtualMAC).To(Equal(v1alpha1.VirtualMACSpec{Type: v1alpha1.VirtualMACNone}))
		Expect(stored.Spec.Units).To(Equal(v1alpha1.UnitsSpec{
			Sidecar:  v1alpha1.ContainerSpec{LogLevel: v1alpha1.LogInfo},
			Firewall: v1alpha1.ContainerSpec{LogLevel: v1alpha1.LogInfo},
		}))
		Expect(stored.Spec.Service.Type).To(Equal(corev1.ServiceTypeClusterIP))
		Expect(stored.Spec.Service.Target).To(Equal(v1alpha1.TargetActiveUnit))
		Expect(stored.Spec.Service.IPFamilyPolicy).To(Equal(corev1.IPFamilyPolicySingleStack))
		Expect(stored.Spec.Upgrade).To(Equal(v1alpha1.UpgradeSpec{
			Strategy: v1alpha1.UpgradeAutomatic, Pacing: v1alpha1.PacingPaced, ProgressDeadlineSeconds: 600,
		}))
		Expect(stored.Spec.Service.Ports[0].Protocol).To(Equal(corev1.ProtocolTCP))
	})

	It("refuses an unknown field with strict validation, which kubectl requests", func(ctx SpecContext) {
		strict := client.WithFieldValidation(trial, metav1.FieldValidationStrict)
		err := strict.Create(ctx, parse(`
apiVersion: hapair.io/v1alpha1
kind: HAPair
metadata: {name: strict, namespace: default}
spec:
  firewall: {configurationRef: {name: edge}}
  networks:
  - {name: lan, attachment: {multus: {name: lan}}, virtualAddresses: [192.0.2.1/24], virtualAddress: 192.0.2.1/24}`))
		Expect(apierrors.IsBadRequest(err)).To(BeTrue(), "got: %v", err)
		Expect(err.Error()).To(ContainSubstring(`unknown field "spec.networks[0].virtualAddress"`))
	})

	It("updates status and spec separately", func(ctx SpecContext) {
		policy := newPolicy()
		policy.Name = "apart"
		policy.Status.Pairs = []string{"other"}
		Expect(server.Create(ctx, policy)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(server.Delete(ctx, policy)).To(Succeed()) })
		Expect(policy.Status.Pairs).To(BeEmpty(), "a create must not set the status")

		policy.Status.Pairs = []string{"edge"}
		policy.Spec.Throttle = &v1alpha1.SyncThrottle{RecordsPerSecond: 100}
		Expect(server.Status().Update(ctx, policy)).To(Succeed())
		Expect(policy.Spec.Throttle).To(BeNil(), "an update of the status must not change the spec")
		Expect(policy.Generation).To(Equal(int64(1)))
	})

	It("adds the defaults of failover when it is empty", func(ctx SpecContext) {
		pair := newPair()
		Expect(trial.Create(ctx, pair)).To(Succeed())
		Expect(pair.Spec.Failover).To(Equal(v1alpha1.FailoverSpec{
			HeartbeatIntervalMilliseconds: 100, MissedHeartbeats: 3, LeaseDurationSeconds: 15,
			Isolation:  v1alpha1.IsolationFence,
			Preemption: v1alpha1.PreemptionSpec{Policy: v1alpha1.PreemptNever, DelaySeconds: new(int32(300))},
			Monitors:   v1alpha1.MonitorsSpec{DampingSeconds: 3},
		}))
	})

	It("stores a preemption delay of 0, which is not the default", func(ctx SpecContext) {
		pair := newPair()
		pair.Spec.Failover.Preemption.DelaySeconds = new(int32)
		Expect(trial.Create(ctx, pair)).To(Succeed())
		Expect(pair.Spec.Failover.Preemption.DelaySeconds).To(HaveValue(BeZero()))
	})

	DescribeTable("refuses a status that is out of bounds",
		func(ctx SpecContext, field, remedy string, change func(*v1alpha1.HAPairStatus)) {
			pair := newPair()
			pair.GenerateName, pair.Name = "status-", ""
			Expect(server.Create(ctx, pair)).To(Succeed())
			DeferCleanup(func(ctx SpecContext) { Expect(server.Delete(ctx, pair)).To(Succeed()) })

			wrong := pair.DeepCopy()
			change(&wrong.Status)
			err := server.Status().Update(ctx, wrong)
			Expect(apierrors.IsInvalid(err)).To(BeTrue(), "got: %v", err)
			Expect(err.Error()).To(And(ContainSubstring(field), ContainSubstring(remedy)))
		},
		Entry("too long a history", "status.history", "must have at most 16 items",
			func(s *v1alpha1.HAPairStatus) {
				s.History = make([]v1alpha1.FailoverRecord, v1alpha1.MaxHistory+1)
				for i := range s.History {
					s.History[i].Time = metav1.NowMicro()
				}
			}),
		Entry("one unit twice", "status.units[1]", "Duplicate value",
			func(s *v1alpha1.HAPairStatus) {
				s.Units = []v1alpha1.UnitStatus{{Name: v1alpha1.Primary}, {Name: v1alpha1.Primary}}
			}),
	)

	It("admits values of later releases", func(ctx SpecContext) {
		pair := newPair()
		pair.GenerateName, pair.Name = "status-", ""
		Expect(server.Create(ctx, pair)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(server.Delete(ctx, pair)).To(Succeed()) })
		Expect(pair.Status.ObservedGeneration).To(BeEquivalentTo(-1), "the operator has not seen it yet")
		pair.Status = v1alpha1.HAPairStatus{
			Units:   []v1alpha1.UnitStatus{{Name: v1alpha1.Primary, Role: "Observer", Fence: "Hardware"}},
			History: []v1alpha1.FailoverRecord{{To: "primary", Term: 1, Cause: "Prediction", Time: metav1.NowMicro()}},
		}
		Expect(server.Status().Update(ctx, pair)).To(Succeed())
	})
})
