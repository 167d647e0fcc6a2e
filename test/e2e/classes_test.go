//go:build e2e

package e2e

import (
	"context"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/internal/endurance"
	"github.com/hapair-io/hapair/test/internal/scenario"
	"github.com/hapair-io/hapair/test/internal/survival"
)

// All rows share each change of the role. The last spec is the control: the same rows must break without their classes.
var _ = Describe("Every class of state through the sample pair", Ordered, ContinueOnFailure, enduranceOnly, func() {
	BeforeAll(func(ctx SpecContext) {
		Expect(site.Apply(ctx, "config/samples")).To(Succeed())
		restoreSamples(ctx)
		addTickets(ctx)
		addVPN(ctx)
		addRouter(ctx)
	}, NodeTimeout(3*time.Minute))

	It("survives a loss of power, a switchover and a fail-back", func(ctx SpecContext) {
		rows := serveRows(ctx)
		setClasses(ctx, hapairv1alpha1.SyncModeReplicate)
		expectSurvival(slices.Concat(
			rows.move(ctx, "a loss of power", cutPower),
			rows.move(ctx, "a switchover", switchOver),
			rows.move(ctx, "the fail-back", switchOver),
		))
	}, NodeTimeout(12*time.Minute))

	It("breaks at a switchover if the class is skipped", func(ctx SpecContext) {
		rows := serveRows(ctx)
		setClasses(ctx, hapairv1alpha1.SyncModeSkip)
		expectBreaks(rows.move(ctx, "a switchover without the classes", switchOver))
	}, NodeTimeout(6*time.Minute))
})

// addRouter gives the sample pair the virtual addresses of an IPv6 router on the LAN.
func addRouter(ctx context.Context) {
	GinkgoHelper()
	pair := getPair(ctx, edge)
	patch := client.MergeFrom(pair.DeepCopy())
	for i := range pair.Spec.Networks {
		if network := &pair.Spec.Networks[i]; network.Name == "lan" {
			network.VirtualAddresses = append(network.VirtualAddresses, "fe80::1/64", "fd50::1/64")
		}
	}
	Expect(k8s.Patch(ctx, pair, patch)).To(Succeed())
}

// classesWithoutRow are the selectable classes that no row is about. ConnectionCache has specs of its own.
var classesWithoutRow = []hapairv1alpha1.SyncClassName{hapairv1alpha1.ConnectionCache}

// liveRows are rows whose servers run.
type liveRows struct{ survival.Run }

// serveRows starts the servers of all rows, and gives the firewall their document. They end with the spec.
func serveRows(ctx context.Context) liveRows {
	GinkgoHelper()
	setup := scenario.Segments(k8s)
	on := survival.Site{
		LAN: endurance.Namespace(setup.LANNamespace), WAN: endurance.Namespace(setup.WANNamespace),
		Active: activeNamespace,
	}
	rows := liveRows{survival.Run{
		{Class: "FTP", Sessions: &survival.FTP{Site: on}},
		{Class: "DynamicAddressObjects", Sessions: &survival.DNSNames{Site: on}},
		{Class: "DynamicAddressObjects", Sessions: &survival.Remembered{Site: on}},
		{Class: "ARP", Sessions: &survival.Neighbours{Site: on}},
		{Class: "DynamicARP", Sessions: &survival.Learned{Site: on}},
		{Class: "RTSP", Sessions: &survival.RTSP{Site: on}},
		{Class: "OracleSQLNet", Sessions: &survival.SQLNet{Site: on}},
		{Class: "RealAudio", Sessions: &survival.RealAudio{Site: on}},
		{Class: "Multicast", Sessions: &survival.Multicast{Site: on}},
		{Class: "VoIP", Sessions: &survival.Call{Site: on}},
		{Class: "VPN", Sessions: &survival.Tunnel{Site: on}},
		{Class: "DHCPServer", Sessions: &survival.Leases{Site: on}},
		{Class: "IPHelper", Sessions: &survival.Relay{Site: on}},
		{Class: "router advertisements", Sessions: &survival.Advertised{Site: on}},
		{Class: "stateless DHCPv6", Sessions: &survival.Informed{Site: on}},
		{Class: "DNS forwarder", Sessions: &survival.Forwarded{Site: on}},
		{Class: "WANLoadBalancing", Sessions: &survival.Links{Site: on}},
		{Class: "Custom", Sessions: &survival.Custom{Probe: probeTickets}},
	}}
	DeferCleanup(rows.Close)
	Expect(rows.Serve(ctx)).To(Succeed())
	document, err := on.Document()
	Expect(err).NotTo(HaveOccurred())
	changeFirewall(ctx, func(spec *hapairv1alpha1.FirewallConfigurationSpec) { *spec = document })
	return rows
}

// setClasses sets the mode of every class that has a row, and waits until the pair is redundant with it.
func setClasses(ctx context.Context, mode hapairv1alpha1.SyncMode) {
	GinkgoHelper()
	var classes []hapairv1alpha1.SyncClass
	for _, name := range state.Classes().Selectable() {
		class := hapairv1alpha1.SyncClass{Name: hapairv1alpha1.SyncClassName(name), Mode: mode}
		if slices.Contains(classesWithoutRow, class.Name) {
			class.Mode = hapairv1alpha1.SyncModeDefault
		}
		classes = append(classes, class)
	}
	Expect(site.SetClasses(ctx, k8s, edge, classes)).To(Succeed())
}

// restoreSamples restores the objects of the sample pair after the specs. To apply them again does not remove what a
// spec has added.
func restoreSamples(ctx context.Context) {
	GinkgoHelper()
	policy, pair := &hapairv1alpha1.SyncPolicy{}, getPair(ctx, edge)
	document := &hapairv1alpha1.FirewallConfiguration{}
	Expect(k8s.Get(ctx, edge, policy)).To(Succeed())
	Expect(k8s.Get(ctx, edge, document)).To(Succeed())
	DeferCleanup(func(ctx SpecContext) {
		for _, saved := range []client.Object{policy, pair, document} {
			Eventually(func(ctx context.Context) error { return restore(ctx, saved) }).WithContext(ctx).Should(Succeed())
		}
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
	}, NodeTimeout(5*time.Minute))
}

// restore gives an object its saved form.
func restore(ctx context.Context, saved client.Object) error {
	current := saved.DeepCopyObject().(client.Object)
	if err := k8s.Get(ctx, client.ObjectKeyFromObject(saved), current); err != nil {
		return err
	}
	saved.SetResourceVersion(current.GetResourceVersion())
	return k8s.Update(ctx, saved)
}
