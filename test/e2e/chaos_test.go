//go:build e2e

package e2e

import (
	"errors"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/cluster"
)

// The bounds are those of a promise, not of this machine on a good day: what is measured is printed.
const (
	// takeoverGap bounds the silence of traffic when the standby takes over from an active that is lost.
	takeoverGap = 2 * time.Second
	// noGap is a silence that is no takeover's: a packet or two, lost where two processors have twenty programs to run.
	noGap = 50 * time.Millisecond
	// steady is how long traffic must flow for a spec to go on.
	steady = time.Second
	// outage is how long the API server is away: longer than every time-out that depends on it.
	outage = time.Minute
	// stall is for how long an active stands still: longer than any grant.
	stall = 2 * time.Second
)

// What follows is done to the sample pair while traffic runs. Whatever it is, no two units ever forward at once.
var _ = Describe("Under chaos, the sample pair", Ordered, ContinueOnFailure, SpecPriority(-1), func() {
	BeforeAll(func(ctx SpecContext) {
		Expect(site.Apply(ctx, "config/samples")).To(Succeed())
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
	}, NodeTimeout(5*time.Minute))

	// Whatever a spec that failed has broken is mended before the next.
	AfterEach(func(ctx SpecContext) {
		Expect(site.Cluster.HealAll()).To(Succeed())
		for _, node := range []string{cluster.Worker1, cluster.Worker2} {
			Expect(site.Cluster.PowerOn(ctx, node)).To(Succeed())
			Expect(site.Cluster.Plug(node, "lan0")).To(Succeed())
		}
		Expect(site.Cluster.Signal(apiServer, unix.SIGCONT)).To(Succeed())
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
	}, NodeTimeout(5*time.Minute))

	It("outlives the power of the active's node", func(ctx SpecContext) {
		s := begin(ctx)
		s.inflict("power-off of "+s.active.Spec.NodeName, func() error {
			return site.Cluster.PowerOff(ctx, s.active.Spec.NodeName)
		})
		s.awaitTakeover(ctx)
		s.mark("power-on of " + s.active.Spec.NodeName)
		Expect(site.Cluster.PowerOn(ctx, s.active.Spec.NodeName)).To(Succeed())
		s.expectTakeover(s.end(ctx))
	}, NodeTimeout(3*time.Minute))

	It("goes on when its units lose each other", func(ctx SpecContext) {
		s := begin(ctx)
		s.inflict("cut between the units", func() error { return site.Cluster.Cut(cluster.Worker1, cluster.Worker2) })
		s.flowFor(ctx, 3*time.Second)
		s.heal()
		report := s.end(ctx)
		// Either may win the Lease, and the loser is silent.
		Expect(report.Terms()).To(BeNumerically("<=", 1))
		Expect(report.Stream.Longest.Length).To(BeNumerically("<", takeoverGap))
		Expect(report.Survived).To(Equal(report.Connections), "%v", report.Broken)
	}, NodeTimeout(3*time.Minute))

	It("does not notice that the active is cut off from the API server", func(ctx SpecContext) {
		s := begin(ctx)
		s.inflict("cut between the active and the API server", func() error {
			return site.Cluster.Cut(s.active.Spec.NodeName, cluster.ControlPlane)
		})
		s.flowFor(ctx, 2*s.lease+time.Second)
		s.heal()
		s.expectNothing(s.end(ctx))
	}, NodeTimeout(3*time.Minute))

	It("fences an active that is cut off from everybody, and goes on with the other", func(ctx SpecContext) {
		s := begin(ctx)
		s.inflict("cut between the active and all other nodes", func() error { return s.isolate() })
		s.awaitTakeover(ctx)
		s.flowFor(ctx, s.lease)
		s.heal()
		s.expectTakeover(s.end(ctx))
	}, NodeTimeout(3*time.Minute))

	It("outlives the active's sidecar", func(ctx SpecContext) {
		s := begin(ctx)
		s.inflict("SIGKILL of the active's sidecar", func() error { return s.signal("sidecar", unix.SIGKILL) })
		s.awaitTakeover(ctx)
		s.expectTakeover(s.end(ctx))
	}, NodeTimeout(3*time.Minute))

	It("fences an active whose sidecar is frozen, and takes it back thawed", func(ctx SpecContext) {
		s := begin(ctx)
		s.inflict("SIGSTOP of the active's sidecar", func() error { return s.signal("sidecar", unix.SIGSTOP) })
		frozen := time.Now()
		s.awaitTakeover(ctx)
		s.flowFor(ctx, 2*s.lease+time.Second-time.Since(frozen))
		s.mark("SIGCONT of that sidecar")
		Expect(s.signal("sidecar", unix.SIGCONT)).To(Succeed())
		s.expectTakeover(s.end(ctx))
	}, NodeTimeout(3*time.Minute))

	It("outlives the active's firewall program", func(ctx SpecContext) {
		s := begin(ctx)
		s.inflict("SIGKILL of the active's firewall", func() error { return s.signal("firewall", unix.SIGKILL) })
		s.flowFor(ctx, 5*time.Second)
		report := s.end(ctx)
		// The kernel forwards without it; whether the role moves meanwhile is a matter of how soon it is back.
		Expect(report.Terms()).To(BeNumerically("<=", 1))
		Expect(report.Stream.Longest.Length).To(BeNumerically("<", switchoverGap))
		Expect(report.Survived).To(Equal(report.Connections), "%v", report.Broken)
	}, NodeTimeout(3*time.Minute))

	It("goes on without the API server, and outlives the active's power as soon as that is back", func(ctx SpecContext) {
		s := begin(ctx)
		s.inflict("SIGSTOP of the API server", func() error { return site.Cluster.Signal(apiServer, unix.SIGSTOP) })
		func() {
			defer func() { Expect(site.Cluster.Signal(apiServer, unix.SIGCONT)).To(Succeed()) }()
			s.flowFor(ctx, outage)
		}()
		s.mark("SIGCONT of the API server")
		Expect(site.Cluster.AwaitReady(ctx, cluster.ControlPlane)).To(Succeed())
		s.flowFor(ctx, steady)
		Expect(s.Gap()).To(BeNumerically("<", noGap))

		s.inflict("power-off of "+s.active.Spec.NodeName, func() error {
			return site.Cluster.PowerOff(ctx, s.active.Spec.NodeName)
		})
		s.awaitTakeover(ctx)
		s.mark("power-on of " + s.active.Spec.NodeName)
		Expect(site.Cluster.PowerOn(ctx, s.active.Spec.NodeName)).To(Succeed())
		s.expectTakeover(s.end(ctx))
	}, NodeTimeout(5*time.Minute))

	It("needs no API server to come back from a stall", func(ctx SpecContext) {
		s := begin(ctx)
		s.inflict("SIGSTOP of the API server", func() error { return site.Cluster.Signal(apiServer, unix.SIGSTOP) })
		func() {
			defer func() { Expect(site.Cluster.Signal(apiServer, unix.SIGCONT)).To(Succeed()) }()
			s.flowFor(ctx, steady)
			s.inflict("SIGSTOP of the active's sidecar", func() error { return s.signal("sidecar", unix.SIGSTOP) })
			s.wait(ctx, stall)
			s.mark("SIGCONT of that sidecar")
			Expect(s.signal("sidecar", unix.SIGCONT)).To(Succeed())
			s.flowFor(ctx, steady)
			unit, _ := s.Forwarder()
			Expect(unit).To(Equal(s.active.Labels[hapairv1alpha1.LabelUnit]), "nobody else could take the Lease")
		}()
		s.mark("SIGCONT of the API server")
		Expect(site.Cluster.AwaitReady(ctx, cluster.ControlPlane)).To(Succeed())
		report := s.end(ctx)
		// What the standby asked of the API server before that stood still may be done when it goes on.
		Expect(report.Terms()).To(BeNumerically("<=", 1))
		Expect(report.Survived).To(Equal(report.Connections), "%v", report.Broken)
	}, NodeTimeout(3*time.Minute))

	It("does not follow a flapping link to and fro", func(ctx SpecContext) {
		s := begin(ctx)
		s.inflict("LAN of "+s.active.Spec.NodeName+" flaps", func() error { return s.flap(ctx, "lan0") })
		s.mark("it rests")
		s.flowFor(ctx, 3*time.Second)
		report := s.end(ctx)
		Expect(report.Terms()).To(BeNumerically("<=", 2), "damping is to keep the role where it is, or move it once")
		Expect(report.Survived).To(Equal(report.Connections), "%v", report.Broken)
	}, NodeTimeout(3*time.Minute))

	It("comes back when both pods are deleted at once", func(ctx SpecContext) {
		s := begin(ctx)
		s.inflict("deletion of both pods", func() error {
			return errors.Join(k8s.Delete(ctx, &s.active), k8s.Delete(ctx, &s.standby))
		})
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
		s.flowFor(ctx, steady)
		Expect(reach(ctx)).To(Succeed())
		s.end(ctx)
	}, NodeTimeout(4*time.Minute))

	It("does not go by the wall clock", func(ctx SpecContext) {
		s := begin(ctx)
		node := s.active.Spec.NodeName
		DeferCleanup(func(ctx SpecContext) { Expect(site.Cluster.SetClock(ctx, node, 0)).To(Succeed()) })
		s.inflict("clock of "+node+" an hour ahead", func() error { return site.Cluster.SetClock(ctx, node, time.Hour) })
		s.flowFor(ctx, s.lease+steady)
		s.mark("clock of " + node + " half an hour behind")
		Expect(site.Cluster.SetClock(ctx, node, -30*time.Minute)).To(Succeed())
		s.flowFor(ctx, s.lease+steady)
		Expect(s.Gap()).To(BeNumerically("<", noGap))
		Expect(s.Terms()).To(BeZero())

		s.inflict("deletion of the active's pod", func() error { return k8s.Delete(ctx, &s.active) })
		s.awaitTakeover(ctx)
		s.mark("clock of " + node + " is right again")
		Expect(site.Cluster.SetClock(ctx, node, 0)).To(Succeed())
		s.expectTakeover(s.end(ctx))
	}, NodeTimeout(3*time.Minute))
})
