//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/vishvananda/netlink"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/cluster"
	"github.com/hapair-io/hapair/test/internal/scenario"
	"github.com/hapair-io/hapair/test/internal/traffic"
	"github.com/hapair-io/hapair/test/namespace"
)

// backend is a server behind the firewall. webPort is its port.
const (
	backend = "192.168.50.10"
	webPort = 7070
)

var _ = Describe("A Service that points at the virtual address", func() {
	It("keeps a connection of a node to a server behind the firewall through a switchover", func(ctx SpecContext) {
		listener, err := namespace.Listen(ctx, scenario.Segments(k8s).ClientNamespace, "tcp",
			fmt.Sprintf("%s:%d", backend, webPort))
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(traffic.Repeat(ctx, listener).Close)

		pair := newPair("front")
		pair.Spec.Service = &hapairv1alpha1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, Target: hapairv1alpha1.TargetVirtualAddress, Network: "wan",
			Ports: []hapairv1alpha1.ServicePort{{Name: "web", Port: 80, TargetPort: webPort}},
		}
		create(ctx, pair, func(spec *hapairv1alpha1.FirewallConfigurationSpec) {
			spec.Services = []hapairv1alpha1.ServiceObject{
				{Name: "web", Protocol: "TCP", Ports: []intstr.IntOrString{intstr.FromInt32(webPort)}},
			}
			spec.DestinationNAT = []hapairv1alpha1.DestinationNAT{
				{Name: "web", From: "wan", Destination: "203.0.113.2", Service: "web", ToAddress: backend},
			}
			spec.Policies = []hapairv1alpha1.FirewallPolicy{
				{Name: "web", From: []string{"wan"}, To: []string{"lan"}, Services: []string{"web"}, Action: "Accept"},
			}
			// The server's default gateway is another pair, so source NAT must bring the answers back here.
			spec.SourceNAT = []hapairv1alpha1.SourceNAT{{Name: "web", To: "lan", Address: "192.168.50.2"}}
		})
		DeferCleanup(remove, pair)
		key := client.ObjectKeyFromObject(pair)
		Expect(site.AwaitRedundant(ctx, k8s, key)).To(Succeed())
		joinSegment(cluster.Worker1, "203.0.113.201/24")

		By("publishing the virtual address")
		service := &corev1.Service{}
		Eventually(func(g Gomega, ctx context.Context) {
			g.Expect(k8s.Get(ctx, key, service)).To(Succeed())
			g.Expect(service.Status.LoadBalancer.Ingress).To(ConsistOf(
				corev1.LoadBalancerIngress{IP: "203.0.113.2", IPMode: new(corev1.LoadBalancerIPModeProxy)}))
		}).WithContext(ctx).Should(Succeed())
		slice := &discoveryv1.EndpointSlice{}
		Expect(k8s.Get(ctx, key, slice)).To(Succeed())
		pointsAt := slice.ResourceVersion

		By("connecting from a node")
		var visitor *traffic.Counter
		address := netip.AddrPortFrom(netip.MustParseAddr(service.Spec.ClusterIP), 80)
		Eventually(func() (err error) {
			visitor, err = traffic.Connect(
				ctx, traffic.TCP, namespace.Named("hapair-"+cluster.Worker1), address, 5*time.Millisecond)
			return err
		}).WithContext(ctx).Should(Succeed())
		DeferCleanup(visitor.Close)
		connected := time.Now()
		awaitTicks(ctx, visitor, 200)

		By("deleting the active unit's pod")
		first := getPair(ctx, key).Status.Active
		Expect(k8s.Delete(ctx, new(unitPods(ctx, key)[first]))).To(Succeed())
		Eventually(func(ctx context.Context) (hapairv1alpha1.Unit, error) {
			return getPair(ctx, key).Status.Active, visitor.Report(connected).Err
		}).WithContext(ctx).Should(Equal(first.Peer()))
		awaitTicks(ctx, visitor, 400)
		gap := visitor.Report(connected).Longest.Length
		say("A connection through a Service at the virtual address: longest gap %s", gap.Round(time.Millisecond))
		Expect(gap).To(BeNumerically("<", switchoverGap))
		Expect(k8s.Get(ctx, key, slice)).To(Succeed())
		Expect(slice.ResourceVersion).To(Equal(pointsAt), "the endpoint was written again")
	}, NodeTimeout(5*time.Minute))
})

// joinSegment gives a node an interface on the outer segment, so that it can reach the virtual address.
func joinSegment(node, address string) {
	GinkgoHelper()
	const name = "svc0"
	Expect(site.Cluster.Within(node, func() error {
		parent, err := netlink.LinkByName("wan0")
		if err != nil {
			return err
		}
		own, err := netlink.ParseAddr(address)
		if err != nil {
			return err
		}
		link := &netlink.Macvlan{
			LinkAttrs: netlink.LinkAttrs{Name: name, ParentIndex: parent.Attrs().Index}, Mode: netlink.MACVLAN_MODE_BRIDGE,
		}
		if err := netlink.LinkAdd(link); err != nil {
			return err
		}
		if err := netlink.AddrAdd(link, own); err != nil {
			return err
		}
		return netlink.LinkSetUp(link)
	})).To(Succeed())
	DeferCleanup(func() error {
		return site.Cluster.Within(node, func() error {
			link, err := netlink.LinkByName(name)
			if err != nil {
				return err
			}
			return netlink.LinkDel(link)
		})
	})
}

// awaitTicks waits until the server has returned so many more numbers to a client.
func awaitTicks(ctx context.Context, client *traffic.Counter, number uint64) {
	GinkgoHelper()
	before := client.Report(time.Time{}).Ticks
	Eventually(func() (uint64, error) {
		report := client.Report(time.Time{})
		return report.Ticks - before, report.Err
	}).WithContext(ctx).Should(BeNumerically(">=", number))
}
