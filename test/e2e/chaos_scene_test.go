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
	"github.com/hapair-io/hapair/test/internal/story"
)

var apiServer = cluster.Program{Node: cluster.ControlPlane, Name: "kube-apiserver"}

// scene is a spec under way.
type scene struct {
	*chaos.Run
	active, standby corev1.Pod
	lease           time.Duration
	ended           bool
}

// begin starts traffic through the sample pair.
func begin(ctx context.Context) *scene {
	GinkgoHelper()
	title := CurrentSpecReport().LeafNodeText
	run, err := chaos.Begin(ctx, story.Sample(k8s), title, chaos.DefaultTraffic)
	Expect(err).NotTo(HaveOccurred())
	s := &scene{Run: run}
	DeferCleanup(s.abandon)
	unit, _ := run.Forwarder()
	active := hapairv1alpha1.Unit(unit)
	pods := unitPods(ctx, edge)
	s.active, s.standby = pods[active], pods[active.Peer()]
	s.lease = time.Duration(getPair(ctx, edge).Spec.Failover.LeaseDurationSeconds) * time.Second
	return s
}

// abandon ends the traffic of a spec that failed half-way, and tells what became of it until then.
func (s *scene) abandon(ctx context.Context) {
	if s.ended {
		return
	}
	s.mark("the spec failed")
	report, err := s.End(ctx)
	if err != nil {
		say("%s: no report: %v", CurrentSpecReport().LeafNodeText, err)
		return
	}
	report.Print(os.Stdout)
}

func (s *scene) inflict(what string, do func() error) {
	GinkgoHelper()
	Expect(s.Inject(what, do)).To(Succeed())
}

func (s *scene) mark(what string) { s.Mark("%s", what) }

func (s *scene) heal() {
	GinkgoHelper()
	s.mark("every cut is healed")
	Expect(site.Cluster.HealAll()).To(Succeed())
}

// signal sends to a program of the active's pod.
func (s *scene) signal(program string, signal unix.Signal) error {
	return site.Cluster.Signal(cluster.Program{Node: s.active.Spec.NodeName, Name: program, Pod: s.active.UID}, signal)
}

// isolate cuts the active's node off from all others. The API server goes first: an active that only lost its peer
// would have the time to tell the API server so, and forward on that one's word.
func (s *scene) isolate() error {
	if err := site.Cluster.Cut(s.active.Spec.NodeName, cluster.ControlPlane); err != nil {
		return err
	}
	return site.Cluster.Cut(cluster.Worker1, cluster.Worker2)
}

// flap pulls a cable of the active's node and puts it back, again and again.
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

// awaitTakeover waits until the standby forwards, and goes on to.
func (s *scene) awaitTakeover(ctx context.Context) {
	GinkgoHelper()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	Expect(s.AwaitForwarder(ctx, s.standby.Labels[hapairv1alpha1.LabelUnit])).To(Succeed())
	Expect(s.AwaitSteady(ctx, steady)).To(Succeed())
}

// wait lets time pass, which is what is done to the pair.
func (s *scene) wait(ctx context.Context, while time.Duration) {
	GinkgoHelper()
	select {
	case <-ctx.Done():
		Fail("interrupted")
	case <-time.After(while):
	}
}

// flowFor waits until traffic has flowed so long.
func (s *scene) flowFor(ctx context.Context, while time.Duration) {
	GinkgoHelper()
	ctx, cancel := context.WithTimeout(ctx, while+30*time.Second)
	defer cancel()
	Expect(s.AwaitSteady(ctx, while)).To(Succeed())
}

// end waits until the pair is redundant again, ends the traffic and prints what became of it. No two units may have
// forwarded at once.
func (s *scene) end(ctx context.Context) chaos.Report {
	GinkgoHelper()
	Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
	s.mark("redundant again")
	s.ended = true
	report, err := s.End(ctx)
	Expect(err).NotTo(HaveOccurred())
	fmt.Println()
	report.Print(os.Stdout)
	Expect(report.Violations).To(HaveLen(0), "see VIOLATIONS above")
	return report
}

// expectTakeover is that the other unit took over once, within the bound, and that all connections survived.
func (s *scene) expectTakeover(report chaos.Report) {
	GinkgoHelper()
	Expect(report.Terms()).To(BeEquivalentTo(1))
	Expect(report.Stream.Longest.Length).To(BeNumerically("<", takeoverGap))
	Expect(report.Survived).To(Equal(report.Connections), "%v", report.Broken)
}

// expectNothing is that no traffic was touched, and nobody took over.
func (s *scene) expectNothing(report chaos.Report) {
	GinkgoHelper()
	Expect(report.Terms()).To(BeZero())
	Expect(report.Stream.Longest.Length).To(BeNumerically("<", noGap))
	Expect(report.Survived).To(Equal(report.Connections), "%v", report.Broken)
}
