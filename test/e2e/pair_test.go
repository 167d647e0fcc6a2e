//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/cluster"
	"github.com/hapair-io/hapair/test/internal/scenario"
	"github.com/hapair-io/hapair/test/namespace"
)

// The bounds are those that hapair promises, not what this machine reaches. The measured values are printed.
const (
	// switchoverGap bounds the silence of a planned change.
	switchoverGap = 2 * time.Second
	// failoverGap bounds the silence of an unplanned one: the grant and the next retransmission of TCP, whose backoff may
	// double the outage, on a busy machine.
	failoverGap = 5 * time.Second
	// repointGap bounds how long nodes send the Service's traffic to the former active unit. It includes the second that
	// kube-proxy waits between two changes of its rules.
	repointGap = 5 * time.Second
)

var _ = Describe("The sample pair", Ordered, func() {
	BeforeAll(func(ctx SpecContext) {
		Expect(site.Apply(ctx, "config/samples")).To(Succeed())
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
	}, NodeTimeout(5*time.Minute))

	It("shows which unit is active", func(ctx SpecContext) {
		out, err := site.Kubectl(ctx, "get", "hapair", edge.Name)
		Expect(err).NotTo(HaveOccurred())
		Expect(out).To(MatchRegexp(`NAME\s+ACTIVE\s+STANDBY\s+TERM\s+SYNCHRONIZED\s+READY\s+AGE`))
		Expect(out).To(MatchRegexp(`edge\s+(primary\s+secondary|secondary\s+primary)\s+\d+\s+True\s+True\s+\S+`))
	})

	It("runs its units on two nodes, without a privileged container", func(ctx SpecContext) {
		pods := unitPods(ctx, edge)
		Expect(pods).To(HaveLen(2))
		Expect(pods[hapairv1alpha1.Primary].Spec.NodeName).NotTo(Equal(pods[hapairv1alpha1.Secondary].Spec.NodeName))
		for _, pod := range pods {
			Expect(pod.Spec.InitContainers).To(BeEmpty())
			for _, c := range pod.Spec.Containers {
				Expect(c.SecurityContext.Privileged).To(Or(BeNil(), HaveValue(BeFalse())))
				Expect(c.SecurityContext.Capabilities.Drop).To(ConsistOf(corev1.Capability("ALL")))
			}
		}
	})

	It("keeps a connection through a switchover", func(ctx SpecContext) {
		report := runScenario(ctx, scenario.Sample(k8s), scenario.Scenario{
			Title: "switchover by deletion", RemoveActive: deletePod,
		})
		Expect(report.Survived).To(BeTrue(), "%v", report.Broken)
		Expect(report.LongestGap).To(BeNumerically("<", switchoverGap))
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
	}, NodeTimeout(5*time.Minute))

	It("keeps a connection when the active's node is drained", func(ctx SpecContext) {
		report := runScenario(ctx, scenario.Sample(k8s), scenario.Scenario{
			Title: "switchover by eviction",
			RemoveActive: func(ctx context.Context, active *corev1.Pod) error {
				return k8s.SubResource("eviction").Create(ctx, active, &policyv1.Eviction{
					ObjectMeta: metav1.ObjectMeta{Namespace: active.Namespace, Name: active.Name},
				})
			},
		})
		Expect(report.Survived).To(BeTrue(), "%v", report.Broken)
		Expect(report.LongestGap).To(BeNumerically("<", switchoverGap))
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
	}, NodeTimeout(5*time.Minute))

	It("keeps a connection when the active's node loses its power, and accepts the node again", func(ctx SpecContext) {
		before := getPair(ctx, edge).Status
		var node string
		report := runScenario(ctx, scenario.Sample(k8s), scenario.Scenario{
			Title: "loss of power",
			RemoveActive: func(ctx context.Context, active *corev1.Pod) error {
				node = active.Spec.NodeName
				return site.Cluster.PowerOff(ctx, node)
			},
		})
		Expect(report.Survived).To(BeTrue(), "%v", report.Broken)
		Expect(report.LongestGap).To(BeNumerically("<", failoverGap))
		Expect(report.Term).To(Equal(before.Term + 1))
		Eventually(func(g Gomega, ctx context.Context) {
			status := getPair(ctx, edge).Status
			g.Expect(status.Active).To(Equal(before.Active.Peer()))
			g.Expect(conditionOf(getPair(ctx, edge), hapairv1alpha1.ConditionReady)).To(Equal("True/Active"))
			g.Expect(conditionOf(getPair(ctx, edge), hapairv1alpha1.ConditionSynchronized)).To(HavePrefix("False/"))
			g.Expect(conditionOf(getPair(ctx, edge), hapairv1alpha1.ConditionDegraded)).To(HavePrefix("True/"))
		}).WithContext(ctx).Should(Succeed())

		Expect(site.Cluster.PowerOn(ctx, node)).To(Succeed())
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
		Expect(getPair(ctx, edge).Status.Active).To(Equal(before.Active.Peer()), "the returning node took over")
	}, NodeTimeout(6*time.Minute))

	It("keeps a connection while both units are replaced in an upgrade", func(ctx SpecContext) {
		before := unitPods(ctx, edge)
		report := runScenario(ctx, scenario.Sample(k8s), scenario.Scenario{
			Title: "rolling upgrade",
			RemoveActive: func(ctx context.Context, _ *corev1.Pod) error {
				pair := getPair(ctx, edge)
				patch := client.MergeFrom(pair.DeepCopy())
				pair.Spec.Units.Firewall.Resources.Requests = corev1.ResourceList{
					corev1.ResourceMemory: resource.MustParse("24Mi"),
				}
				return k8s.Patch(ctx, pair, patch)
			},
		})
		Expect(report.Survived).To(BeTrue(), "%v", report.Broken)
		Expect(report.LongestGap).To(BeNumerically("<", switchoverGap))
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
		for unit, pod := range unitPods(ctx, edge) {
			Expect(pod.UID).NotTo(Equal(before[unit].UID), "unit %s was not replaced", unit)
			Expect(pod.Spec.Containers[0].Resources.Requests.Memory().String()).To(Equal("24Mi"))
		}
	}, NodeTimeout(5*time.Minute))

	It("reports when the units lose each other, and changes nothing else", func(ctx SpecContext) {
		before := getPair(ctx, edge).Status
		Expect(site.Cluster.Cut(cluster.Worker1, cluster.Worker2)).To(Succeed())
		DeferCleanup(func() error { return site.Cluster.HealAll() })
		Eventually(func(ctx context.Context) string {
			return conditionOf(getPair(ctx, edge), hapairv1alpha1.ConditionSynchronized)
		}).WithContext(ctx).Should(Equal("False/PeerDisconnected"))
		Expect(site.Cluster.Heal(cluster.Worker1, cluster.Worker2)).To(Succeed())
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
		after := getPair(ctx, edge).Status
		Expect(after.Active).To(Equal(before.Active))
		Expect(after.Term).To(Equal(before.Term))
	}, NodeTimeout(4*time.Minute))

	It("points its Service at the active unit", func(ctx SpecContext) {
		pair := getPair(ctx, edge)
		patch := client.MergeFrom(pair.DeepCopy())
		pair.Spec.Service = &hapairv1alpha1.ServiceSpec{
			Ports: []hapairv1alpha1.ServicePort{{Name: "web", Port: 80, TargetPort: 8080}},
		}
		Expect(k8s.Patch(ctx, pair, patch)).To(Succeed())
		pointsAtActive := func(g Gomega, ctx context.Context) {
			slices := &discoveryv1.EndpointSliceList{}
			g.Expect(k8s.List(ctx, slices, client.InNamespace(edge.Namespace),
				client.MatchingLabels{discoveryv1.LabelServiceName: edge.Name})).To(Succeed())
			g.Expect(slices.Items).To(HaveLen(1))
			g.Expect(slices.Items[0].Endpoints).To(HaveLen(1))
			active := unitPods(ctx, edge)[getPair(ctx, edge).Status.Active]
			g.Expect(slices.Items[0].Endpoints[0].Addresses).To(ConsistOf(active.Status.PodIP))
			g.Expect(active.Labels).To(HaveKeyWithValue(hapairv1alpha1.LabelRole, hapairv1alpha1.LabelRoleActive))
		}
		Eventually(pointsAtActive).WithContext(ctx).Should(Succeed())

		first, pods := getPair(ctx, edge).Status.Active, unitPods(ctx, edge)
		heir, err := netip.ParseAddr(pods[first.Peer()].Status.PodIP)
		Expect(err).NotTo(HaveOccurred())
		follows := watchRepointing(ctx, edge, first.Peer(), heir, cluster.Worker1)
		Expect(k8s.Delete(ctx, new(pods[first]))).To(Succeed())
		Eventually(func(ctx context.Context) hapairv1alpha1.Unit { return getPair(ctx, edge).Status.Active }).
			WithContext(ctx).Should(Equal(first.Peer()))
		var lease, slice, rules time.Time
		Eventually(follows.lease).Should(Receive(&lease))
		Eventually(follows.slice).Should(Receive(&slice))
		Eventually(follows.rules).Should(Receive(&rules))
		say("The Service followed the Lease: its EndpointSlice after %s, a node's rules after %s",
			slice.Sub(lease).Round(time.Millisecond), rules.Sub(lease).Round(time.Millisecond))
		Expect(rules.Sub(lease)).To(BeNumerically("<", repointGap))
		Eventually(pointsAtActive).WithContext(ctx).Should(Succeed())
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())

		active := unitPods(ctx, edge)[getPair(ctx, edge).Status.Active]
		serveIn(ctx, &active, ":8080")
		service := &corev1.Service{}
		Expect(k8s.Get(ctx, edge, service)).To(Succeed())
		Expect(netip.ParseAddr(service.Spec.ClusterIP)).NotTo(BeZero())
		out, err := site.Cluster.Command(ctx, cluster.Worker1, "curl", "-sS", "--max-time", "5",
			"http://"+service.Spec.ClusterIP).CombinedOutput()
		Expect(err).NotTo(HaveOccurred(), string(out))
	}, NodeTimeout(5*time.Minute))

	It("breaks a connection when replication is off, which proves that the other specs need it", func(ctx SpecContext) {
		Expect(site.SetMode(ctx, k8s, edge, hapairv1alpha1.SyncModeSkip)).To(Succeed())
		report := runScenario(ctx, scenario.Sample(k8s), scenario.Scenario{
			Title: "control", RemoveActive: deletePod, Control: true,
		})
		Expect(report.Survived).To(BeFalse())
		Expect(report.Broken).To(HaveOccurred())
		Expect(site.SetMode(ctx, k8s, edge, hapairv1alpha1.SyncModeReplicate)).To(Succeed())
	}, NodeTimeout(6*time.Minute))
})

// serveIn answers HTTP requests in a pod, until the spec ends.
func serveIn(ctx context.Context, pod *corev1.Pod, address string) {
	GinkgoHelper()
	path, err := scenario.PodNamespace(pod)
	Expect(err).NotTo(HaveOccurred())
	listener, err := namespace.Listen(ctx, path, "tcp", address)
	Expect(err).NotTo(HaveOccurred())
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	Expect(server.Listener.Close()).To(Succeed())
	server.Listener = listener
	server.Start()
	DeferCleanup(server.Close)
}
