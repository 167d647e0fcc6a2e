//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
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
	"github.com/hapair-io/hapair/test/internal/story"
	"github.com/hapair-io/hapair/test/namespace"
)

// backend is a server behind the firewall, and webPort its port.
const (
	backend = "192.168.50.10"
	webPort = 7070
)

var _ = Describe("A Service that points at the virtual address", func() {
	It("keeps a connection of a node to a server behind the firewall through a switchover", func(ctx SpecContext) {
		listener, err := namespace.Listen(ctx, story.Sample(k8s).ClientNamespace, "tcp",
			fmt.Sprintf("%s:%d", backend, webPort))
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(repeatLines(listener))

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
			// The server's own gateway is another pair.
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
		var talk *conversation
		address := netip.AddrPortFrom(netip.MustParseAddr(service.Spec.ClusterIP), 80)
		Eventually(func(ctx context.Context) (err error) {
			talk, err = converse(ctx, namespace.Named("hapair-"+cluster.Worker1), address)
			return err
		}).WithContext(ctx).Should(Succeed())
		DeferCleanup(talk.end)
		Expect(talk.goOn(time.Second)).To(Succeed())

		By("taking the active unit away")
		first := getPair(ctx, key).Status.Active
		Expect(k8s.Delete(ctx, new(unitPods(ctx, key)[first]))).To(Succeed())
		Eventually(func(ctx context.Context) (hapairv1alpha1.Unit, error) {
			return getPair(ctx, key).Status.Active, talk.goOn(50 * time.Millisecond)
		}).WithContext(ctx).Should(Equal(first.Peer()))
		Expect(talk.goOn(2 * time.Second)).To(Succeed())
		say("A connection through a Service at the virtual address: longest gap %s", talk.longest.Round(time.Millisecond))
		Expect(talk.longest).To(BeNumerically("<", switchoverGap))
		Expect(k8s.Get(ctx, key, slice)).To(Succeed())
		Expect(slice.ResourceVersion).To(Equal(pointsAt), "the endpoint was written again")
	}, NodeTimeout(5*time.Minute))
})

// repeatLines has a listener's connections send back what they receive, until the function that is returned is called.
func repeatLines(listener net.Listener) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			release := context.AfterFunc(ctx, func() { _ = conn.Close() })
			_, _ = io.Copy(conn, conn) // one connection at a time, until it ends
			release()
			_ = conn.Close()
		}
	}()
	return func() {
		cancel()
		_ = listener.Close()
		<-ended
	}
}

// joinSegment gives a node an interface of its own on the outer segment, as one needs that is to reach the virtual
// address.
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

// conversation is a connection on which one line follows the answer to another.
type conversation struct {
	conn    net.Conn
	answers *bufio.Reader
	lines   int
	// longest is how long the slowest answer took.
	longest time.Duration
}

// answerWithin bounds the wait for one answer: what takes longer is broken.
const answerWithin = 30 * time.Second

// converse connects and exchanges a first line.
func converse(ctx context.Context, from string, to netip.AddrPort) (*conversation, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := namespace.Dial(ctx, from, "tcp", to.String())
	if err != nil {
		return nil, err
	}
	return &conversation{conn: conn, answers: bufio.NewReader(conn)}, nil
}

// goOn exchanges lines for a while.
func (c *conversation) goOn(long time.Duration) error {
	for end := time.Now().Add(long); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err := c.conn.SetDeadline(time.Now().Add(answerWithin)); err != nil {
			return err
		}
		c.lines++
		asked, line := time.Now(), fmt.Sprintf("line %d\n", c.lines)
		if _, err := io.Copy(c.conn, strings.NewReader(line)); err != nil {
			return err
		}
		answer, err := c.answers.ReadString('\n')
		if err != nil {
			return fmt.Errorf("waiting for the answer to %s: %w", strings.TrimSpace(line), err)
		}
		if answer != line {
			return fmt.Errorf("asked %q, got %q", line, answer)
		}
		c.longest = max(c.longest, time.Since(asked))
	}
	return nil
}

func (c *conversation) end() { _ = c.conn.Close() }
