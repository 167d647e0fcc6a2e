//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/cluster"
)

// The bounds are those that hapair promises, not what this machine reaches. The measured values are printed.
const (
	// takeoverGap bounds the silence of traffic when the standby takes over from a lost active.
	takeoverGap = 2 * time.Second
	// noGap bounds the silence without a takeover. A busy machine may lose a packet or two.
	noGap = 50 * time.Millisecond
	// steady is how long traffic must flow before a spec continues.
	steady = time.Second
	// outage is how long the API server does not answer: longer than every timeout that depends on it.
	outage = time.Minute
	// stall is how long an active is stopped: longer than any grant.
	stall = 2 * time.Second
)

// Each spec injects a fault into the sample pair while traffic runs. Two units must never forward at once.
var _ = Describe("Under chaos, the sample pair", Ordered, ContinueOnFailure, SpecPriority(-1), func() {
	BeforeAll(func(ctx SpecContext) {
		Expect(site.Apply(ctx, "config/samples")).To(Succeed())
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
		saturate()
	}, NodeTimeout(5*time.Minute))
	AfterAll(endRounds)
	for run := range *chaosRuns {
		Context(fmt.Sprintf("in run %d", run+1), func() {
			BeforeAll(beginRound)
			injectFaults()
		})
	}
})

// injectFaults declares one spec for each fault.
func injectFaults() {
	// Repair whatever a failed spec has broken.
	AfterEach(func(ctx SpecContext) {
		Expect(site.Cluster.HealAll()).To(Succeed())
		for _, node := range []string{cluster.Worker1, cluster.Worker2} {
			Expect(site.Cluster.PowerOn(ctx, node)).To(Succeed())
			Expect(site.Cluster.Plug(node, "lan0")).To(Succeed())
		}
		Expect(site.Cluster.Signal(apiServer, unix.SIGCONT)).To(Succeed())
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
	}, NodeTimeout(5*time.Minute))

	It("survives the loss of power of the active's node", func(ctx SpecContext) {
		s := begin(ctx, 1)
		s.inject("power-off of "+s.active.Spec.NodeName, func() error {
			return site.Cluster.PowerOff(ctx, s.active.Spec.NodeName)
		})
		s.awaitTakeover(ctx)
		s.mark("power-on of " + s.active.Spec.NodeName)
		Expect(site.Cluster.PowerOn(ctx, s.active.Spec.NodeName)).To(Succeed())
		s.expectTakeover(s.end(ctx))
	}, NodeTimeout(3*time.Minute))

	It("continues when its units lose each other", func(ctx SpecContext) {
		s := begin(ctx, 1)
		s.inject("cut between the units", func() error { return site.Cluster.Cut(cluster.Worker1, cluster.Worker2) })
		s.flowFor(ctx, 3*time.Second)
		s.heal()
		// Either unit may win the Lease, and the loser stops forwarding.
		report := s.end(ctx)
		Expect(report.GapWhileSent()).To(BeNumerically("<", takeoverGap))
		Expect(report.Survived).To(Equal(report.Connections), "%v", report.Broken)
	}, NodeTimeout(3*time.Minute))

	It("is not affected when the active is cut off from the API server", func(ctx SpecContext) {
		s := begin(ctx, 0)
		s.inject("cut between the active and the API server", func() error {
			return site.Cluster.Cut(s.active.Spec.NodeName, cluster.ControlPlane)
		})
		s.flowFor(ctx, 2*s.lease+time.Second)
		s.heal()
		s.expectNothing(s.end(ctx))
	}, NodeTimeout(3*time.Minute))

	It("fences an active that is cut off from all nodes, and continues with the standby", func(ctx SpecContext) {
		s := begin(ctx, 1)
		s.inject("cut between the active and all other nodes", func() error { return s.isolate() })
		s.awaitTakeover(ctx)
		s.flowFor(ctx, s.lease)
		s.heal()
		s.expectTakeover(s.end(ctx))
	}, NodeTimeout(3*time.Minute))

	It("survives the loss of the active's sidecar", func(ctx SpecContext) {
		s := begin(ctx, 1)
		s.inject("SIGKILL of the active's sidecar", func() error { return s.signal("sidecar", unix.SIGKILL) })
		s.awaitTakeover(ctx)
		s.expectTakeover(s.end(ctx))
	}, NodeTimeout(3*time.Minute))

	It("fences an active whose sidecar is stopped, and accepts it after it resumes", func(ctx SpecContext) {
		s := begin(ctx, 1)
		s.inject("SIGSTOP of the active's sidecar", func() error { return s.signal("sidecar", unix.SIGSTOP) })
		frozen := time.Now()
		s.awaitTakeover(ctx)
		s.flowFor(ctx, 2*s.lease+time.Second-time.Since(frozen))
		s.mark("SIGCONT of that sidecar")
		Expect(s.signal("sidecar", unix.SIGCONT)).To(Succeed())
		s.expectTakeover(s.end(ctx))
	}, NodeTimeout(3*time.Minute))

	It("survives the loss of the active's firewall program", func(ctx SpecContext) {
		s := begin(ctx, 1)
		s.inject("SIGKILL of the active's firewall", func() error { return s.signal("firewall", unix.SIGKILL) })
		s.flowFor(ctx, 5*time.Second)
		// The kernel forwards without the program. The role may move if the program restarts slowly.
		report := s.end(ctx)
		Expect(report.GapWhileSent()).To(BeNumerically("<", switchoverGap))
		Expect(report.Survived).To(Equal(report.Connections), "%v", report.Broken)
	}, NodeTimeout(3*time.Minute))

	It("continues without the API server, and survives a loss of power once it is back", func(ctx SpecContext) {
		s := begin(ctx, 1)
		s.inject("SIGSTOP of the API server", func() error { return site.Cluster.Signal(apiServer, unix.SIGSTOP) })
		func() {
			defer func() { Expect(site.Cluster.Signal(apiServer, unix.SIGCONT)).To(Succeed()) }()
			s.flowFor(ctx, outage)
		}()
		s.mark("SIGCONT of the API server")
		Expect(site.Cluster.AwaitReady(ctx, cluster.ControlPlane)).To(Succeed())
		s.flowFor(ctx, steady)
		Expect(s.GapWhileSent()).To(BeNumerically("<", noGap))

		s.inject("power-off of "+s.active.Spec.NodeName, func() error {
			return site.Cluster.PowerOff(ctx, s.active.Spec.NodeName)
		})
		s.awaitTakeover(ctx)
		s.mark("power-on of " + s.active.Spec.NodeName)
		Expect(site.Cluster.PowerOn(ctx, s.active.Spec.NodeName)).To(Succeed())
		s.expectTakeover(s.end(ctx))
	}, NodeTimeout(5*time.Minute))

	It("needs no API server to recover from a stall", func(ctx SpecContext) {
		s := begin(ctx, 1)
		s.inject("SIGSTOP of the API server", func() error { return site.Cluster.Signal(apiServer, unix.SIGSTOP) })
		func() {
			defer func() { Expect(site.Cluster.Signal(apiServer, unix.SIGCONT)).To(Succeed()) }()
			s.flowFor(ctx, steady)
			s.inject("SIGSTOP of the active's sidecar", func() error { return s.signal("sidecar", unix.SIGSTOP) })
			s.wait(ctx, stall)
			s.mark("SIGCONT of that sidecar")
			Expect(s.signal("sidecar", unix.SIGCONT)).To(Succeed())
			s.flowFor(ctx, steady)
			unit, _ := s.Forwarder()
			Expect(unit).To(Equal(s.active.Labels[hapairv1alpha1.LabelUnit]), "no other unit could take the Lease")
		}()
		s.mark("SIGCONT of the API server")
		Expect(site.Cluster.AwaitReady(ctx, cluster.ControlPlane)).To(Succeed())
		// A request that the standby sent before the stop may be served after it.
		report := s.end(ctx)
		Expect(report.Survived).To(Equal(report.Connections), "%v", report.Broken)
	}, NodeTimeout(3*time.Minute))

	It("does not follow a flapping link back and forth", func(ctx SpecContext) {
		s := begin(ctx, 2)
		s.inject("LAN of "+s.active.Spec.NodeName+" flaps", func() error { return s.flap(ctx, "lan0") })
		s.mark("the link is stable")
		s.flowFor(ctx, 3*time.Second)
		report := s.end(ctx) // Damping keeps the role in place, or moves it once and back.
		Expect(report.Survived).To(Equal(report.Connections), "%v", report.Broken)
	}, NodeTimeout(3*time.Minute))

	It("recovers when both pods are deleted at once", func(ctx SpecContext) {
		s := begin(ctx, 2)
		s.inject("deletion of both pods", func() error {
			return errors.Join(k8s.Delete(ctx, &s.active), k8s.Delete(ctx, &s.standby))
		})
		Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
		s.flowFor(ctx, steady)
		Expect(reach(ctx)).To(Succeed())
		s.end(ctx)
	}, NodeTimeout(4*time.Minute))

	It("does not depend on the wall clock", func(ctx SpecContext) {
		s := begin(ctx, 1)
		node := s.active.Spec.NodeName
		DeferCleanup(func(ctx SpecContext) { Expect(site.Cluster.SetClock(ctx, node, 0)).To(Succeed()) })
		s.inject("clock of "+node+" an hour ahead", func() error { return site.Cluster.SetClock(ctx, node, time.Hour) })
		s.flowFor(ctx, s.lease+steady)
		s.mark("clock of " + node + " half an hour behind")
		Expect(site.Cluster.SetClock(ctx, node, -30*time.Minute)).To(Succeed())
		s.flowFor(ctx, s.lease+steady)
		Expect(s.GapWhileSent()).To(BeNumerically("<", noGap))
		Expect(s.Terms()).To(BeZero())

		s.inject("deletion of the active's pod", func() error { return k8s.Delete(ctx, &s.active) })
		s.awaitTakeover(ctx)
		s.mark("clock of " + node + " is right again")
		Expect(site.Cluster.SetClock(ctx, node, 0)).To(Succeed())
		s.expectTakeover(s.end(ctx))
	}, NodeTimeout(3*time.Minute))
}
