//go:build e2e

package e2e

import (
	"context"
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/internal/scenario"
	"github.com/hapair-io/hapair/test/internal/traffic"
)

// published is a web server of the site's office network, as the outside and the site itself reach it.
var (
	webServer = netip.MustParseAddrPort("192.168.60.10:8080")
	published = netip.MustParseAddrPort("203.0.113.1:8080")
)

// The client is behind an inner router of the site, and the server behind the router of the provider.
var _ = Describe("The edge of a site", Ordered, func() {
	BeforeAll(func(ctx SpecContext) {
		Expect(site.Apply(ctx, "config/samples")).To(Succeed())
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
		var sample hapairv1alpha1.FirewallConfigurationSpec
		changeFirewall(ctx, func(spec *hapairv1alpha1.FirewallConfigurationSpec) {
			spec.DeepCopyInto(&sample)
			publishWebServer(spec)
		})
		DeferCleanup(func(ctx SpecContext) {
			changeFirewall(ctx, func(spec *hapairv1alpha1.FirewallConfigurationSpec) { *spec = sample })
		})
		eventuallyCondition(ctx, edge, hapairv1alpha1.ConditionConfigurationApplied, "True/Applied")
	}, NodeTimeout(5*time.Minute))

	It("keeps connections of every direction through a switchover and a loss of power", func(ctx SpecContext) {
		flows := connectSite(ctx)
		flows.expectSources()

		By("deleting the active's pod")
		flows.expectSurvival(ctx, func(active *corev1.Pod) { Expect(k8s.Delete(ctx, active)).To(Succeed()) })
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())

		By("cutting the power of the active's node")
		var node string
		flows.expectSurvival(ctx, func(active *corev1.Pod) {
			node = active.Spec.NodeName
			Expect(site.Cluster.PowerOff(ctx, node)).To(Succeed())
		})
		Expect(site.Cluster.PowerOn(ctx, node)).To(Succeed())
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
	}, NodeTimeout(5*time.Minute))

	It("sends nothing that has no route to the pod network", func(ctx SpecContext) {
		out, err := site.Cluster.Command(ctx, "client", "ping", "-n", "-c", "1", "-W", "2", "10.244.1.1").CombinedOutput()
		Expect(err).To(HaveOccurred(), "%s", out)
	}, NodeTimeout(time.Minute))
})

// publishWebServer lets the outside and the site reach the web server at the virtual address.
func publishWebServer(spec *hapairv1alpha1.FirewallConfigurationSpec) {
	spec.Addresses = append(spec.Addresses, hapairv1alpha1.AddressObject{
		Name: "web-server", Members: []string{webServer.Addr().String()},
	})
	spec.Services = append(spec.Services, hapairv1alpha1.ServiceObject{
		Name: "web", Protocol: "TCP", Ports: []intstr.IntOrString{intstr.FromInt32(int32(webServer.Port()))},
	})
	for _, from := range []string{"wan", "lan"} {
		spec.DestinationNAT = append(spec.DestinationNAT, hapairv1alpha1.DestinationNAT{
			Name: "web-from-" + from, From: from, Destination: published.Addr().String(), Service: "web",
			ToAddress: webServer.Addr().String(),
		})
		spec.Policies = append(spec.Policies, hapairv1alpha1.FirewallPolicy{
			Name: from + "-to-web", From: []string{from}, To: []string{"lan"}, Destination: []string{"web-server"},
			Services: []string{"web"}, Action: "Accept",
		})
	}
	spec.SourceNAT = append(spec.SourceNAT, hapairv1alpha1.SourceNAT{
		Name: "web-from-inside", To: "lan", Source: []string{"lan-hosts"}, Destination: []string{"web-server"},
		Address: "192.168.50.1",
	})
}

// siteFlows are connections of every direction through the edge of the site.
type siteFlows struct {
	setup                  scenario.Setup
	internet, web          *traffic.Server
	outbound, inbound, pin *traffic.Counter
}

// connectSite opens a connection from the office to the server, one from the server to the published web server, and
// one from the LAN to the published address, which returns into the LAN.
func connectSite(ctx context.Context) *siteFlows {
	GinkgoHelper()
	f := &siteFlows{setup: scenario.Sample(k8s)}
	var err error
	ctx, cancel := context.WithCancel(ctx)
	DeferCleanup(func() {
		cancel()
		f.wait()
	})
	f.internet, err = traffic.Serve(ctx, traffic.TCP, f.setup.ServerNamespace, f.setup.Server)
	Expect(err).NotTo(HaveOccurred())
	f.web, err = traffic.Serve(ctx, traffic.TCP, f.setup.ClientNamespace, webServer)
	Expect(err).NotTo(HaveOccurred())
	connect := func(path string, to netip.AddrPort) *traffic.Counter {
		counter, err := traffic.Connect(ctx, traffic.TCP, path, to, 20*time.Millisecond)
		Expect(err).NotTo(HaveOccurred())
		return counter
	}
	f.outbound = connect(f.setup.ClientNamespace, f.setup.Server)
	f.inbound = connect(f.setup.ServerNamespace, published)
	f.pin = connect(f.setup.LANNamespace, published)
	return f
}

// expectSources checks which addresses both servers see.
func (f *siteFlows) expectSources() {
	GinkgoHelper()
	sources := func(s *traffic.Server) []string {
		var all []string
		for _, c := range s.Clients() {
			all = append(all, c.Addr().String())
		}
		return all
	}
	Eventually(sources).WithArguments(f.internet).Should(ConsistOf("203.0.113.1"))
	Eventually(sources).WithArguments(f.web).Should(ConsistOf("192.168.50.1", f.setup.Server.Addr().String()))
}

// expectSurvival waits until the standby has the connections, removes the active, and expects every connection to
// continue.
func (f *siteFlows) expectSurvival(ctx context.Context, remove func(active *corev1.Pod)) {
	GinkgoHelper()
	before := getPair(ctx, edge).Status.Active
	pods := unitPods(ctx, edge)
	active, standby := pods[before], pods[before.Peer()]
	awaitReplicated(ctx, &standby, f.setup.Server, 1)
	removed := time.Now()
	remove(&active)
	for name, counter := range map[string]*traffic.Counter{
		"to the server": f.outbound, "from the outside": f.inbound, "from inside to the published address": f.pin,
	} {
		Eventually(func(g Gomega) {
			report := counter.Report(removed)
			g.Expect(report.Err).NotTo(HaveOccurred())
			g.Expect(report.Last).To(BeTemporally(">", removed.Add(3*time.Second)))
			g.Expect(time.Since(report.Last)).To(BeNumerically("<", time.Second))
		}).Should(Succeed(), "the connection %s", name)
		gap := counter.Report(removed).Longest.Length
		Expect(gap).To(BeNumerically("<", failoverGap), "the connection %s", name)
		say("the connection %s was silent for %s", name, gap.Round(time.Millisecond))
	}
	Eventually(func(ctx context.Context) hapairv1alpha1.Unit { return getPair(ctx, edge).Status.Active }).
		WithContext(ctx).Should(Equal(before.Peer()))
}

func (f *siteFlows) wait() {
	for _, c := range []*traffic.Counter{f.outbound, f.inbound, f.pin} {
		if c != nil {
			c.Wait()
		}
	}
	for _, s := range []*traffic.Server{f.internet, f.web} {
		if s != nil {
			s.Wait()
		}
	}
}
