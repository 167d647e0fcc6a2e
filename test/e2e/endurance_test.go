//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/cluster"
	"github.com/hapair-io/hapair/test/internal/endurance"
	"github.com/hapair-io/hapair/test/internal/scenario"
	"github.com/hapair-io/hapair/test/internal/tracer"
)

const (
	// idleConnections is how many connections are silent while the active loses its power.
	idleConnections = 10_000
	// answerGap bounds how long each of them may take to answer afterwards. It allows several retransmissions, because all
	// of them answer at once on a busy machine.
	answerGap = 10 * time.Second
	// neighbourGap bounds the gap of datagrams over IPv6. The new active must resolve its neighbours. It waits a short
	// time for the local route of its address before. If an answer comes earlier than that route, it asks again after a
	// second.
	neighbourGap = takeoverGap + time.Second
)

// The specs add IPv6 addresses to the sample pair, and restore it afterwards.
var _ = Describe("Every kind of connection through the sample pair", Ordered, inEndurance, func() {
	BeforeAll(func(ctx SpecContext) {
		Expect(site.Apply(ctx, "config/samples")).To(Succeed())
		DeferCleanup(func(ctx SpecContext) {
			for _, node := range []string{cluster.Worker1, cluster.Worker2} {
				Expect(site.Cluster.PowerOn(ctx, node)).To(Succeed())
			}
			Expect(site.Apply(ctx, "config/samples")).To(Succeed())
			Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
		}, NodeTimeout(5*time.Minute))
		addRivals(ctx)
		addIPv6(ctx)
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
	}, NodeTimeout(6*time.Minute))

	It("survives the loss of power of the active's node", func(ctx SpecContext) {
		before, err := holder(ctx)
		Expect(err).NotTo(HaveOccurred())
		unit := hapairv1alpha1.Unit(before.Unit)
		after := tracer.Holder{Unit: string(unit.Peer()), Term: before.Term + 1}
		pods := unitPods(ctx, edge)
		active, standby := pods[unit], pods[unit.Peer()]

		By("opening all connections")
		kinds, bounds := everyKind()
		run, err := endurance.Begin(ctx, kinds...)
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(run.Close)
		awaitReplicated(ctx, &standby, idleServer, idleConnections)

		By("cutting the power of " + active.Spec.NodeName)
		run.Reset()
		Expect(site.Cluster.PowerOff(ctx, active.Spec.NodeName)).To(Succeed())
		Eventually(holder).WithContext(ctx).Should(Equal(after))
		reports := run.Check(ctx)

		fmt.Printf("\nconnections through %s, whose node lost its power\n", unit)
		for _, report := range reports {
			report.Print(os.Stdout)
		}
		for i, report := range reports {
			Expect(report.Err).NotTo(HaveOccurred(), report.Kind)
			Expect(report.Gap).To(BeNumerically("<", bounds[i]), report.Kind)
		}
		Expect(reports[0].Passed).To(BeEquivalentTo(idleConnections), reports[0].Kind)

		By("giving the node its power back")
		Expect(site.Cluster.PowerOn(ctx, active.Spec.NodeName)).To(Succeed())
		// The operator may have run on that node, so the status may be outdated.
		Eventually(func(ctx context.Context) int64 { return getPair(ctx, edge).Status.Term }).
			WithContext(ctx).Should(Equal(after.Term))
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
		Expect(holder(ctx)).To(Equal(after), "the returning node took over")
	}, NodeTimeout(6*time.Minute))
})

// The addresses of the server, and of the client with the rivals that addRivals adds.
var (
	server4    = netip.MustParseAddr("203.0.113.9")
	server6    = netip.MustParseAddr("2001:db8:113::9")
	idleServer = netip.AddrPortFrom(server4, 7300)
	conflict4  = endurance.PortConflict{
		Client: netip.MustParseAddr("192.168.50.10"), Rival: netip.MustParseAddr("192.168.50.11"),
	}
	conflict6 = endurance.PortConflict{Client: netip.MustParseAddr("fd50::10"), Rival: netip.MustParseAddr("fd50::11")}
)

// everyKind returns all traffic, and how long each kind may be silent. The idle connections come first, because they
// take longest to open.
//
// Expectations of the kernel's FTP helper are not replicated, and none is needed: in passive mode the data connection
// goes from the LAN to the WAN like the control connection, and the rules accept it as new.
func everyKind() (kinds []endurance.Kind, bounds []time.Duration) {
	setup := scenario.Segments(k8s)
	hosts := endurance.Hosts{
		Client: endurance.Namespace(setup.ClientNamespace), Server: endurance.Namespace(setup.ServerNamespace),
	}
	for _, one := range []struct {
		name    string
		traffic endurance.Traffic
		bound   time.Duration
	}{
		{"idle TCP connections", &endurance.Idle{
			Hosts: hosts, Server: idleServer, Connections: idleConnections,
		}, answerGap},
		{"TCP download", &endurance.Download{
			Hosts: hosts, Server: netip.AddrPortFrom(server4, 7301),
		}, failoverGap},
		{"FTP download", &endurance.FTP{
			Hosts: hosts, Server: netip.AddrPortFrom(server4, 21),
		}, failoverGap},
		{"UDP both ways", &endurance.Datagrams{
			Hosts: hosts, Server: netip.AddrPortFrom(server4, 7302), PortConflict: conflict4,
		}, takeoverGap},
		{"ICMP echo", &endurance.Pings{
			Hosts: hosts, Server: server4, PortConflict: conflict4,
		}, takeoverGap},
		{"IPv6 TCP both ways", &endurance.CountingConnection{
			Hosts: hosts, Server: netip.AddrPortFrom(server6, 7301),
		}, failoverGap},
		{"IPv6 UDP both ways", &endurance.Datagrams{
			Hosts: hosts, Server: netip.AddrPortFrom(server6, 7302), PortConflict: conflict6,
		}, neighbourGap},
	} {
		kinds, bounds = append(kinds, endurance.Kind{Name: one.name, Traffic: one.traffic}), append(bounds, one.bound)
	}
	return kinds, bounds
}

// addRivals adds two addresses to the client's host until the container of specs ends.
func addRivals(ctx context.Context) {
	GinkgoHelper()
	for _, address := range []string{conflict4.Rival.String() + "/24", conflict6.Rival.String() + "/64"} {
		change := func(ctx context.Context, verb string) {
			out, err := site.Cluster.Command(ctx, cluster.Router, "ip", "address", verb, address, "dev", "eth0").CombinedOutput()
			Expect(err).NotTo(HaveOccurred(), string(out))
		}
		change(ctx, "replace")
		DeferCleanup(func(ctx SpecContext) { change(ctx, "del") }, NodeTimeout(time.Minute))
	}
}

// addIPv6 adds IPv6 addresses to the sample pair, and the IPv4 rules to its firewall for IPv6.
func addIPv6(ctx context.Context) {
	GinkgoHelper()
	pair := getPair(ctx, edge)
	patch := client.MergeFrom(pair.DeepCopy())
	for i, address := range []string{"fd50::1/64", "2001:db8:113::1/64"} {
		addresses := &pair.Spec.Networks[i].VirtualAddresses
		*addresses = append(*addresses, address)
	}
	Expect(k8s.Patch(ctx, pair, patch)).To(Succeed())
	changeFirewall(ctx, func(spec *hapairv1alpha1.FirewallConfigurationSpec) {
		hosts := &spec.Addresses[0]
		hosts.Members = append(hosts.Members, "fd50::/64")
		spec.SourceNAT = append(spec.SourceNAT, hapairv1alpha1.SourceNAT{
			Name: "lan-behind-wan-ipv6", To: "wan", Source: []string{hosts.Name}, Address: "2001:db8:113::1",
		})
	})
}

// awaitReplicated waits until the standby's kernel holds a number of connections to a server.
func awaitReplicated(ctx context.Context, standby *corev1.Pod, server netip.AddrPort, want int) {
	GinkgoHelper()
	kernel, err := scenario.OpenConnectionTable(standby)
	Expect(err).NotTo(HaveOccurred())
	defer kernel.Close()
	begun := time.Now()
	Eventually(func() (int, error) { return kernel.Established(server) }).WithContext(ctx).Should(Equal(want))
	say("the standby's kernel holds %d connections, %s after the last was opened", want,
		time.Since(begun).Round(time.Millisecond))
}

// holder returns the holder of the Lease.
func holder(ctx context.Context) (tracer.Holder, error) {
	lease := &coordinationv1.Lease{}
	if err := k8s.Get(ctx, edge, lease); err != nil {
		return tracer.Holder{}, err
	}
	unit, err := scenario.HolderUnit(lease)
	return tracer.Holder{Unit: string(unit), Term: int64(ptr.Deref(lease.Spec.LeaseTransitions, 0))}, err
}
