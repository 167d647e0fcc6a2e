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

// warned collects the warnings of the API server, which kubectl shows.
type warned struct {
	mu   sync.Mutex
	text []string
}

func (w *warned) HandleWarningHeaderWithContext(_ context.Context, _ int, _, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, text)
}

// take returns the warnings since its last call.
func (w *warned) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.text = nil }()
	return w.text
}

var _ = Describe("kubectl apply", Ordered, func() {
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
		const timeout = 30 * time.Second // the API server enforces a new policy after a moment
		Eventually(warns(pair)).WithTimeout(timeout).ShouldNot(BeEmpty())
		Eventually(warns(policy)).WithTimeout(timeout).ShouldNot(BeEmpty())
	})

	It("does not warn of a usual pair or policy", func(ctx SpecContext) {
		pair := newPair()
		pair.Spec.Failover.Preemption.Policy = v1alpha1.PreemptWhenHealthy
		Expect(kubectl.Create(ctx, pair)).To(Succeed())
		policy := newPolicy()
		protocols("UDP", "TCP")(policy)
		policy.Spec.Throttle = &v1alpha1.SyncThrottle{RecordsPerSecond: 1000, KilobitsPerSecond: 1000}
		Expect(kubectl.Create(ctx, policy)).To(Succeed())
		Expect(heard.take()).To(BeEmpty())
	})

	DescribeTable("accepts a pair and warns of it",
		func(ctx SpecContext, change pairChange, field string) {
			pair := newPair()
			change(pair)
			Expect(kubectl.Create(ctx, pair)).To(Succeed())
			Expect(heard.take()).To(ConsistOf(ContainSubstring(field)))
		},
		Entry("that may have two active units", failover(func(f *v1alpha1.FailoverSpec) {
			f.Isolation = v1alpha1.IsolationKeepForwarding
		}), "spec.failover.isolation: "),
		Entry("with a short detection time", failover(func(f *v1alpha1.FailoverSpec) {
			f.HeartbeatIntervalMilliseconds, f.MissedHeartbeats = 33, 3
		}), "spec.failover: "),
		Entry("with a short lease", lease(2), "spec.failover.leaseDurationSeconds: "),
		Entry("with a short preemption delay", failover(func(f *v1alpha1.FailoverSpec) {
			f.Preemption = v1alpha1.PreemptionSpec{Policy: v1alpha1.PreemptWhenHealthy, DelaySeconds: new(int32(29))}
		}), "spec.failover.preemption.delaySeconds: "),
		Entry("whose units may share a node", func(p *v1alpha1.HAPair) {
			p.Spec.Units.Scheduling.AllowSameNode = true
		}, "spec.units.scheduling.allowSameNode: "),
		Entry("that is paused", func(p *v1alpha1.HAPair) { p.Spec.Paused = true }, "spec.paused: "),
	)

	DescribeTable("accepts a policy and warns of it",
		func(ctx SpecContext, change policyChange, field string) {
			policy := newPolicy()
			change(policy)
			Expect(kubectl.Create(ctx, policy)).To(Succeed())
			Expect(heard.take()).To(ConsistOf(ContainSubstring(field)))
		},
		Entry("that skips connections", func(p *v1alpha1.SyncPolicy) {
			p.Spec.Classes[0].Mode = v1alpha1.SyncModeSkip
		}, "spec.classes[].mode: "),
		Entry("that leaves TCP out", protocols("UDP"), "spec.classes[].connectionCache.protocols: "),
		Entry("with a low record rate", throttle(999), "spec.throttle.recordsPerSecond: "),
		Entry("with a low bandwidth", func(p *v1alpha1.SyncPolicy) {
			p.Spec.Throttle = &v1alpha1.SyncThrottle{KilobitsPerSecond: 999}
		}, "spec.throttle.kilobitsPerSecond: "),
	)
})

// installPolicies creates the objects of a file and deletes them after the specs.
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
