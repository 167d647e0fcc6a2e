//go:build apiserver

package operator

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/operator/units"
)

// restsFor is how long the pairs at rest are watched. `make test-rest` watches the real program for much longer.
const restsFor = 20 * time.Second

// resting is the number of pairs at rest.
const resting = 20

// playOut lets the units of all pairs in the namespace act until each pair matches its spec.
func (s *stage) playOut(ctx context.Context, reader client.Reader) {
	GinkgoHelper()
	p := &units.Player{Namespace: s.namespace, Reader: reader, Writer: admin}
	Eventually(func(g Gomega) {
		for acted := true; acted; {
			var err error
			acted, err = p.Step(ctx)
			g.Expect(err).NotTo(HaveOccurred())
		}
		pairs := &v1alpha1.HAPairList{}
		g.Expect(reader.List(ctx, pairs, client.InNamespace(s.namespace))).To(Succeed())
		g.Expect(pairs.Items).NotTo(BeEmpty())
		for i := range pairs.Items {
			g.Expect(unsettled(&pairs.Items[i])).To(BeEmpty(), pairs.Items[i].Name)
		}
	}).WithTimeout(time.Minute).Should(Succeed())
}

// quiet waits until the operator has requested nothing for a while, and returns its account.
func (s *stage) quiet() account {
	GinkgoHelper()
	var last account
	Eventually(func() bool {
		before := last
		last = requests.in(s.namespace)
		return before == last
	}).WithPolling(300 * time.Millisecond).Should(BeTrue())
	return last
}

var _ = Describe("Pairs at rest", func() {
	It("cost the operator nothing while their Leases are renewed", func(ctx SpecContext) {
		s, reader := newStage(ctx), newCachedReader(ctx)
		Expect(writeRules(newFirewall(s.namespace, "rules", "Accept").Spec).around(ctx, s.namespace)).To(Succeed())
		Expect(writePolicy(0).around(ctx, s.namespace)).To(Succeed())
		for i := range resting {
			pair := s.pair.DeepCopy()
			pair.Name = fmt.Sprintf("edge-%d", i)
			if i%2 == 1 {
				pair.Spec.Firewall.ConfigurationRef = named("rules")
				pair.Spec.SyncPolicyRef = &v1alpha1.SyncPolicyReference{Name: "slow"}
			}
			Expect(admin.Create(ctx, pair)).To(Succeed())
		}
		s.playOut(ctx, reader)
		before := s.quiet()
		renewals := 0
		Consistently(func(g Gomega) {
			leases := &coordinationv1.LeaseList{}
			g.Expect(admin.List(ctx, leases, client.InNamespace(s.namespace))).To(Succeed())
			for i := range leases.Items {
				leases.Items[i].Spec.RenewTime = new(metav1.NowMicro())
				g.Expect(admin.Update(ctx, &leases.Items[i])).To(Succeed())
				renewals++
			}
			g.Expect(requests.in(s.namespace)).To(Equal(before))
		}).WithTimeout(restsFor).WithPolling(time.Second).Should(Succeed())
		AddReportEntry("renewals", fmt.Sprintf("%d of %d pairs", renewals, resting))
		Expect(renewals).To(BeNumerically(">", resting))
	}, NodeTimeout(2*time.Minute))
})

// maxReconciles is more than one change of a spec takes, and far fewer than a loop would make.
const maxReconciles = 60

var _ = Describe("One change of a spec", func() {
	It("is in force after a bounded number of reconciles", func(ctx SpecContext) {
		s := newStage(ctx)
		Expect(writeRules(newFirewall(s.namespace, "rules", "Accept").Spec).around(ctx, s.namespace)).To(Succeed())
		Expect(writePolicy(0).around(ctx, s.namespace)).To(Succeed())
		s.create(ctx)
		s.playOut(ctx, admin)
		created := s.quiet()
		table := []string{fmt.Sprintf("%3d reconciles %3d writes: create", created.reconciles, created.writes)}
		most := created.reconciles

		chance := rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), 0))
		for _, draw := range append(draws, repair) {
			before, c := requests.in(s.namespace), draw(chance)
			s.change(ctx, func(spec *v1alpha1.HAPairSpec) {
				c.spec(spec)
				if spec.Firewall.ConfigurationRef.Name != "rules" {
					spec.Firewall.ConfigurationRef = named(firewall("Accept", spec.Networks))
				}
			})
			s.playOut(ctx, admin)
			after := s.quiet()
			took := after.reconciles - before.reconciles
			most = max(most, took)
			table = append(table, fmt.Sprintf("%3d reconciles %3d writes: %s", took, after.writes-before.writes, c.what))
		}
		AddReportEntry("reconciles", strings.Join(table, "\n"))
		Expect(most).To(BeNumerically("<=", maxReconciles), strings.Join(table, "\n"))
	}, NodeTimeout(2*time.Minute))
})
