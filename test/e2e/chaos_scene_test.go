//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/cluster"
	"github.com/hapair-io/hapair/test/internal/chaos"
	"github.com/hapair-io/hapair/test/internal/scenario"
)

var apiServer = cluster.Program{Node: cluster.ControlPlane, Name: "kube-apiserver"}

// scene is the traffic and the pair of a running spec.
type scene struct {
	*chaos.Run
	active, standby corev1.Pod
	lease           time.Duration
	// provoked is how many changes of role the fault may cause.
	provoked int64
	// report is set when the traffic has ended.
	report *chaos.Report
}

// begin starts traffic through the sample pair, for a fault that may change the role a number of times.
func begin(ctx context.Context, provoked int64) *scene {
	GinkgoHelper()
	title := CurrentSpecReport().LeafNodeText
	// The traffic outlasts a spec that fails, until conclude has counted what happened.
	run, err := chaos.Begin(context.WithoutCancel(ctx), scenario.Sample(k8s), title, chaos.DefaultTraffic)
	Expect(err).NotTo(HaveOccurred())
	s := &scene{Run: run, provoked: provoked}
	DeferCleanup(s.conclude)
	unit, _ := run.Forwarder()
	active := hapairv1alpha1.Unit(unit)
	pods := unitPods(ctx, edge)
	s.active, s.standby = pods[active], pods[active.Peer()]
	s.lease = time.Duration(getPair(ctx, edge).Spec.Failover.LeaseDurationSeconds) * time.Second
	return s
}

// conclude records what the fault did. If the spec failed, it ends the traffic and prints the report so far.
func (s *scene) conclude(ctx context.Context) {
	GinkgoHelper()
	if s.report == nil {
		s.mark("the spec failed")
		s.stop(ctx)
	}
	recordOutcome(*s.report, s.provoked)
}

// stop ends the traffic and prints its report.
func (s *scene) stop(ctx context.Context) {
	GinkgoHelper()
	report, err := s.End(ctx)
	Expect(err).NotTo(HaveOccurred())
	s.report = &report
	fmt.Println()
	report.Print(os.Stdout)
}

func (s *scene) inject(what string, do func() error) {
	GinkgoHelper()
	Expect(s.Inject(what, do)).To(Succeed())
}

func (s *scene) mark(what string) { s.Mark("%s", what) }

func (s *scene) heal() {
	GinkgoHelper()
	s.mark("every cut is healed")
	Expect(site.Cluster.HealAll()).To(Succeed())
}

// signal sends a signal to a program of the active's pod.
func (s *scene) signal(program string, signal unix.Signal) error {
	return site.Cluster.Signal(cluster.Program{Node: s.active.Spec.NodeName, Name: program, Pod: s.active.UID}, signal)
}

// isolate cuts the active's node off from all others. It cuts the API server first. An active that had lost only its
// peer would report that to the API server in time, and might keep forwarding alone.
func (s *scene) isolate() error {
	if err := site.Cluster.Cut(s.active.Spec.NodeName, cluster.ControlPlane); err != nil {
		return err
	}
	return site.Cluster.Cut(cluster.Worker1, cluster.Worker2)
}

// flap takes an interface of the active's node down and up, many times.
func (s *scene) flap(ctx context.Context, cable string) error {
	const times, while = 25, 200 * time.Millisecond
	clock := time.NewTicker(while)
	defer clock.Stop()
	for i := range 2 * times {
		act := site.Cluster.Unplug
		if i%2 == 1 {
			act = site.Cluster.Plug
		}
		if err := act(s.active.Spec.NodeName, cable); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-clock.C:
		}
	}
	return nil
}

// awaitTakeover waits until the standby forwards steadily.
func (s *scene) awaitTakeover(ctx context.Context) {
	GinkgoHelper()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	Expect(s.AwaitForwarder(ctx, s.standby.Labels[hapairv1alpha1.LabelUnit])).To(Succeed())
	Expect(s.AwaitSteady(ctx, steady)).To(Succeed())
}

// wait waits for a duration.
func (s *scene) wait(ctx context.Context, d time.Duration) {
	GinkgoHelper()
	select {
	case <-ctx.Done():
		Fail("interrupted")
	case <-time.After(d):
	}
}

// flowFor waits until traffic has flowed for a duration.
func (s *scene) flowFor(ctx context.Context, d time.Duration) {
	GinkgoHelper()
	ctx, cancel := context.WithTimeout(ctx, d+30*time.Second)
	defer cancel()
	Expect(s.AwaitSteady(ctx, d)).To(Succeed())
}

// end waits until the pair is redundant again, ends the traffic and prints its report. It fails if two units forwarded
// at once, or if the role changed more often than the fault explains.
func (s *scene) end(ctx context.Context) chaos.Report {
	GinkgoHelper()
	Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
	s.mark("redundant again")
	s.stop(ctx)
	Expect(s.report.Violations).To(HaveLen(0), "see VIOLATIONS above")
	Expect(s.report.Terms()).To(BeNumerically("<=", s.provoked), "a change of role that the fault does not explain")
	return *s.report
}

// expectTakeover expects that the other unit took over once, within the bound, and that all connections survived.
func (s *scene) expectTakeover(report chaos.Report) {
	GinkgoHelper()
	Expect(report.Terms()).To(BeEquivalentTo(1))
	Expect(report.GapWhileSent()).To(BeNumerically("<", takeoverGap))
	Expect(report.Survived).To(Equal(report.Connections), "%v", report.Broken)
}

// expectNothing expects that traffic flowed without a gap and no unit took over.
func (s *scene) expectNothing(report chaos.Report) {
	GinkgoHelper()
	Expect(report.Terms()).To(BeZero())
	Expect(report.GapWhileSent()).To(BeNumerically("<", noGap))
	Expect(report.Survived).To(Equal(report.Connections), "%v", report.Broken)
}
