//go:build apiserver

package v1alpha1_test

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// warned keeps what the API server warns of, as kubectl would show it.
type warned struct {
	mu   sync.Mutex
	text []string
}

func (w *warned) HandleWarningHeaderWithContext(_ context.Context, _ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, text)
}

// take are the warnings since it was asked last.
func (w *warned) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.text = nil }()
	return w.text
}

var _ = Describe("What is allowed and seldom meant", Ordered, func() {
	heard := &warned{}
	var kubectl client.Client

	BeforeAll(func(ctx SpecContext) {
		installPolicies(ctx, "../../config/admission/warnings.yaml")
		config := rest.CopyConfig(serverConfig)
		config.WarningHandlerWithContext = heard
		withWarnings, err := client.New(config, client.Options{Scheme: server.Scheme()})
		Expect(err).NotTo(HaveOccurred())
		kubectl = client.NewDryRunClient(withWarnings)
		warns := func(object client.Object) func() []string {
			return func() []string {
				object.SetResourceVersion("")
				Expect(kubectl.Create(ctx, object)).To(Succeed())
				return heard.take()
			}
		}
		pair, policy := newPair(), newPolicy()
		pair.Spec.Paused, policy.Spec.Classes[0].Mode = true, v1alpha1.SyncModeSkip
		const patience = 30 * time.Second // the API server takes a moment to follow a policy
		Eventually(warns(pair)).WithTimeout(patience).ShouldNot(BeEmpty())
		Eventually(warns(policy)).WithTimeout(patience).ShouldNot(BeEmpty())
	})

	It("is not what a pair and a policy have that are as usual", func(ctx SpecContext) {
		pair := newPair()
		pair.Spec.Failover.Preemption.Policy = v1alpha1.PreemptWhenHealthy
		Expect(kubectl.Create(ctx, pair)).To(Succeed())
		policy := newPolicy()
		protocols("UDP", "TCP")(policy)
		policy.Spec.Throttle = &v1alpha1.SyncThrottle{RecordsPerSecond: 1000, KilobitsPerSecond: 1000}
		Expect(kubectl.Create(ctx, policy)).To(Succeed())
		Expect(heard.take()).To(BeEmpty())
	})

	DescribeTable("is told of a pair, which is accepted all the same",
		func(ctx SpecContext, change pairChange, field string) {
			pair := newPair()
			change(pair)
			Expect(kubectl.Create(ctx, pair)).To(Succeed())
			Expect(heard.take()).To(ConsistOf(ContainSubstring(field)))
		},
		Entry("that may have two active units", failover(func(f *v1alpha1.FailoverSpec) {
			f.Isolation = v1alpha1.IsolationKeepForwarding
		}), "spec.failover.isolation: "),
		Entry("that takes a short silence for death", failover(func(f *v1alpha1.FailoverSpec) {
			f.HeartbeatIntervalMilliseconds, f.MissedHeartbeats = 33, 3
		}), "spec.failover: "),
		Entry("whose lease is short", lease(2), "spec.failover.leaseDurationSeconds: "),
		Entry("whose primary takes the role back at once", failover(func(f *v1alpha1.FailoverSpec) {
			f.Preemption = v1alpha1.PreemptionSpec{Policy: v1alpha1.PreemptWhenHealthy, DelaySeconds: new(int32(29))}
		}), "spec.failover.preemption.delaySeconds: "),
		Entry("whose units may share a node", func(p *v1alpha1.HAPair) {
			p.Spec.Units.Scheduling.AllowSameNode = true
		}, "spec.units.scheduling.allowSameNode: "),
		Entry("that is paused", func(p *v1alpha1.HAPair) { p.Spec.Paused = true }, "spec.paused: "),
	)

	DescribeTable("is told of a policy, which is accepted all the same",
		func(ctx SpecContext, change policyChange, field string) {
			policy := newPolicy()
			change(policy)
			Expect(kubectl.Create(ctx, policy)).To(Succeed())
			Expect(heard.take()).To(ConsistOf(ContainSubstring(field)))
		},
		Entry("that skips connections", func(p *v1alpha1.SyncPolicy) {
			p.Spec.Classes[0].Mode = v1alpha1.SyncModeSkip
		}, "spec.classes: "),
		Entry("that leaves TCP out", protocols("UDP"), "spec.classes[].connectionCache.protocols: "),
		Entry("that admits few records", throttle(999), "spec.throttle.recordsPerSecond: "),
		Entry("that admits little of the network", func(p *v1alpha1.SyncPolicy) {
			p.Spec.Throttle = &v1alpha1.SyncThrottle{KilobitsPerSecond: 999}
		}, "spec.throttle.kilobitsPerSecond: "),
	)
})

// installPolicies creates what a file has for as long as the specs run.
func installPolicies(ctx context.Context, file string) {
	GinkgoHelper()
	text, err := os.ReadFile(file)
	Expect(err).NotTo(HaveOccurred())
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	var kinds []string
	for {
		object := &unstructured.Unstructured{}
		if decoder.Decode(object) != nil {
			break
		}
		kinds = append(kinds, strings.TrimPrefix(object.GetKind(), "ValidatingAdmission"))
		Expect(server.Create(ctx, object)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(server.Delete(ctx, object)).To(Succeed()) })
	}
	slices.Sort(kinds)
	Expect(kinds).To(Equal([]string{"Policy", "Policy", "PolicyBinding", "PolicyBinding"}))
}
