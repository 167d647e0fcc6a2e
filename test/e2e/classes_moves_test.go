//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/internal/endurance"
	"github.com/hapair-io/hapair/test/internal/scenario"
	"github.com/hapair-io/hapair/test/internal/survival"
)

// move leaves something announced, moves the role, and checks and prints what goes on. Then it waits until the pair is
// redundant. On a busy machine the role may move more often, which must not matter.
func (r liveRows) move(ctx context.Context, what string, act func(context.Context) func()) []survival.Report {
	GinkgoHelper()
	Expect(r.Prepare(ctx)).To(Succeed())
	Expect(r.Announce(ctx)).To(Succeed())
	Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
	before, err := holder(ctx)
	Expect(err).NotTo(HaveOccurred())
	restore := act(ctx)
	Eventually(func(ctx context.Context) (int64, error) {
		now, err := holder(ctx)
		return now.Term, err
	}).WithContext(ctx).Should(BeNumerically(">", before.Term))
	reports := r.Check(ctx)
	fmt.Printf("\nafter %s, which unit %s was active before\n", what, before.Unit)
	for _, report := range reports {
		report.Print(os.Stdout)
	}
	restore()
	Expect(site.AwaitRedundant(ctx, k8s, edge)).To(Succeed())
	return reports
}

// cutPower cuts the power of the active's node.
func cutPower(ctx context.Context) (restore func()) {
	GinkgoHelper()
	active, err := activePod(ctx)
	Expect(err).NotTo(HaveOccurred())
	node := active.Spec.NodeName
	on := func(ctx context.Context) { Expect(site.Cluster.PowerOn(ctx, node)).To(Succeed()) }
	DeferCleanup(func(ctx SpecContext) { on(ctx) }, NodeTimeout(time.Minute))
	Expect(site.Cluster.PowerOff(ctx, node)).To(Succeed())
	return func() { on(ctx) }
}

// switchOver requests that the standby becomes active.
func switchOver(ctx context.Context) (restore func()) {
	GinkgoHelper()
	pair := getPair(ctx, edge)
	patch := client.MergeFrom(pair.DeepCopy())
	if pair.Annotations == nil {
		pair.Annotations = map[string]string{}
	}
	pair.Annotations[hapairv1alpha1.AnnotationSwitchoverRequestedAt] = time.Now().UTC().Format(time.RFC3339Nano)
	Expect(k8s.Patch(ctx, pair, patch)).To(Succeed())
	return func() {}
}

// expectSurvival expects that everything goes on. The failure names all that does not.
func expectSurvival(reports []survival.Report) {
	GinkgoHelper()
	var broken []string
	for _, report := range reports {
		if report.Err != nil {
			broken = append(broken, fmt.Sprintf("%s: %s: %v", report.Class, report.What, report.Err))
		}
	}
	Expect(broken).To(BeEmpty())
}

// expectBreaks expects that nothing goes on that needs its class.
func expectBreaks(reports []survival.Report) {
	GinkgoHelper()
	var unneeded []string
	for _, report := range reports {
		if report.NeedsClass && report.Err == nil {
			unneeded = append(unneeded, report.Class+": "+report.What)
		}
	}
	Expect(unneeded).To(BeEmpty(), "these do not need their class")
}

// activePod returns the pod of the unit that holds the Lease.
func activePod(ctx context.Context) (*corev1.Pod, error) {
	now, err := holder(ctx)
	if err != nil {
		return nil, err
	}
	pod := &corev1.Pod{}
	key := client.ObjectKey{Namespace: edge.Namespace, Name: edge.Name + "-" + now.Unit}
	return pod, k8s.Get(ctx, key, pod)
}

// activeNamespace returns the network namespace of the active unit.
func activeNamespace(ctx context.Context) (endurance.Namespace, error) {
	pod, err := activePod(ctx)
	if err != nil {
		return "", err
	}
	path, err := scenario.PodNamespace(pod)
	return endurance.Namespace(path), err
}
