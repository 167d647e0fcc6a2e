//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/cluster"
	"github.com/hapair-io/hapair/test/internal/attempts"
	"github.com/hapair-io/hapair/test/internal/deploy"
	"github.com/hapair-io/hapair/test/internal/endurance"
	"github.com/hapair-io/hapair/test/internal/ontime"
	"github.com/hapair-io/hapair/test/internal/saturation"
	"github.com/hapair-io/hapair/test/internal/scenario"
)

// These are set once, before all specs, and read-only afterwards.
var (
	site deploy.Site
	k8s  client.WithWatch
)

// edge is the pair of config/samples.
var edge = scenario.SamplePair

func TestMain(m *testing.M) {
	endurance.Repeater()
	saturation.Program()
	os.Exit(m.Run())
}

func TestCluster(t *testing.T) {
	defer ontime.RaiseProcessors()()
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(90 * time.Second)
	SetDefaultEventuallyPollingInterval(100 * time.Millisecond)
	RunSpecs(t, "hapair on a cluster", attempts.Configure())
}

var _ = BeforeSuite(func(ctx SpecContext) {
	c, err := cluster.Open()
	Expect(err).NotTo(HaveOccurred())
	site = deploy.Site{Cluster: c, Progress: say}

	say("Removing what an earlier run left behind")
	Expect(c.Down(ctx, say)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) {
		if os.Getenv("HAPAIR_KEEP_CLUSTER") != "" {
			return
		}
		Expect(c.Down(ctx, say)).To(Succeed())
		Expect(c.Leftovers()).To(BeEmpty(), "the cluster left objects on the machine")
	}, NodeTimeout(3*time.Minute))
	Expect(c.Up(ctx, say)).To(Succeed())

	k8s, err = site.Client()
	Expect(err).NotTo(HaveOccurred())

	Expect(site.Operator(ctx)).To(Succeed())
	Expect(site.Apply(ctx, "config/networks")).To(Succeed())
}, NodeTimeout(6*time.Minute))

// If a spec failed, print the state of the cluster.
var _ = JustAfterEach(func(ctx SpecContext) {
	if !CurrentSpecReport().Failed() {
		return
	}
	for _, args := range [][]string{
		{"get", "hapair,syncpolicy,pods,leases,endpointslices", "-o", "wide"},
		{"get", "hapair", "-o", "yaml"},
		{"get", "events", "--sort-by=.lastTimestamp"},
		{"logs", "-l", "hapair.io/pair", "-c", "sidecar", "--tail=60", "--prefix"},
		{"logs", "-n", deploy.Namespace, "-l", "app.kubernetes.io/name=hapair-manager", "--tail=60", "--prefix"},
	} {
		out, err := site.Kubectl(ctx, args...)
		_, _ = fmt.Fprintf(GinkgoWriter, "--- kubectl %v\n%s%v\n", args, out, err)
	}
}, NodeTimeout(time.Minute))

// maxFailure bounds how much of a failure's message is printed at the end.
const maxFailure = 1000

// Ginkgo's own summary names only the specs, and the reasons are far above it.
var _ = ReportAfterSuite("Reasons", func(suite Report) {
	for _, spec := range suite.SpecReports {
		if reason := spec.Failure.Message; spec.Failed() {
			say("FAILED %s, at %s: %s", spec.FullText(), spec.Failure.Location, reason[:min(len(reason), maxFailure)])
		}
	}
})

// say prints progress while the specs run, on a line of its own.
func say(format string, args ...any) { fmt.Printf("\n# "+format+"\n", args...) }

// runScenario runs a scenario, prints its report, and fails if it could not be completed.
func runScenario(ctx context.Context, setup scenario.Setup, act scenario.Scenario) scenario.Report {
	GinkgoHelper()
	report, err := setup.Run(ctx, act)
	report.Print(GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	say("%s: survived=%v, longest gap %s", report.Title, report.Survived, report.LongestGap.Round(time.Millisecond))
	return report
}

func deletePod(ctx context.Context, pod *corev1.Pod) error { return k8s.Delete(ctx, pod) }

func getPair(ctx context.Context, key client.ObjectKey) *hapairv1alpha1.HAPair {
	GinkgoHelper()
	pair := &hapairv1alpha1.HAPair{}
	Expect(k8s.Get(ctx, key, pair)).To(Succeed())
	return pair
}

// unitPods returns the pods of a pair by unit.
func unitPods(ctx context.Context, key client.ObjectKey) map[hapairv1alpha1.Unit]corev1.Pod {
	GinkgoHelper()
	pods := &corev1.PodList{}
	Expect(k8s.List(ctx, pods, client.InNamespace(key.Namespace),
		client.MatchingLabels{hapairv1alpha1.LabelPair: key.Name})).To(Succeed())
	found := map[hapairv1alpha1.Unit]corev1.Pod{}
	for _, pod := range pods.Items {
		found[hapairv1alpha1.Unit(pod.Labels[hapairv1alpha1.LabelUnit])] = pod
	}
	return found
}
