//go:build apiserver

package operator

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/test/operator/units"
)

// held are the Secrets of both units.
type held map[v1alpha1.Unit]*corev1.Secret

func (s *stage) held(ctx context.Context) held {
	GinkgoHelper()
	both := held{}
	for _, unit := range v1alpha1.Units() {
		both[unit] = &corev1.Secret{}
		s.eventuallyGet(ctx, s.podName(unit)+"-tls", both[unit])
	}
	return both
}

func (h held) certificate(unit v1alpha1.Unit) string { return string(h[unit].Data["tls.crt"]) }

func (h held) trusted(unit v1alpha1.Unit) string { return string(h[unit].Data["ca.crt"]) }

// expectMutualTrust expects that the units trust each other, whichever of two versions of its Secret each of them has.
func (s *stage) expectMutualTrust(before, after held) {
	GinkgoHelper()
	for _, unit := range v1alpha1.Units() {
		for _, own := range []held{before, after} {
			for _, peers := range []held{before, after} {
				roots := x509.NewCertPool()
				Expect(roots.AppendCertsFromPEM([]byte(peers.trusted(unit.Peer())))).To(BeTrue())
				block, _ := pem.Decode([]byte(own.certificate(unit)))
				Expect(block).NotTo(BeNil())
				certificate, err := x509.ParseCertificate(block.Bytes)
				Expect(err).NotTo(HaveOccurred())
				_, err = certificate.Verify(x509.VerifyOptions{
					DNSName: credentials.UnitName(string(unit), "edge", s.namespace), Roots: roots,
				})
				Expect(err).NotTo(HaveOccurred(), "the peer of unit %s must trust it", unit)
			}
		}
	}
}

// afterOverlaps lets overlaps pass until the Secrets are as they should be. It expects that the units always trust each
// other meanwhile, whichever Secret reaches its unit first within an overlap.
func (s *stage) afterOverlaps(ctx context.Context, now held, wanted func(Gomega, held)) held {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		before := now
		clock.advance(credentials.Overlap)
		s.reconcileNow(ctx)
		now = s.held(ctx)
		s.expectMutualTrust(before, now)
		wanted(g, now)
	}).Should(Succeed())
	return now
}

func (s *stage) authority(ctx context.Context) string {
	GinkgoHelper()
	authority := &corev1.Secret{}
	s.eventuallyGet(ctx, "edge-ca", authority)
	return string(authority.Data["tls.crt"])
}

var _ = Describe("The credentials of a pair", func() {
	var s *stage
	BeforeEach(func(ctx SpecContext) {
		DeferCleanup(clock.reset)
		s = newStage(ctx)
		s.create(ctx)
		s.settle(ctx)
	})
	deleteSecret := func(ctx SpecContext, name string) {
		GinkgoHelper()
		secret := &corev1.Secret{}
		Expect(s.get(ctx, name, secret)).To(Succeed())
		Expect(admin.Delete(ctx, secret)).To(Succeed())
	}

	It("get another authority while the units always trust each other", func(ctx SpecContext) {
		first, old := s.held(ctx), s.authority(ctx)
		deleteSecret(ctx, "edge-ca")
		var announced held
		Eventually(func(g Gomega) {
			announced = s.held(ctx)
			for _, unit := range v1alpha1.Units() {
				g.Expect(announced.trusted(unit)).To(And(HavePrefix(s.authority(ctx)), HaveSuffix(old)))
				g.Expect(announced.certificate(unit)).To(Equal(first.certificate(unit)))
			}
		}).Should(Succeed())
		Expect(s.authority(ctx)).NotTo(Equal(old))
		s.expectMutualTrust(first, announced)

		exchanged := s.afterOverlaps(ctx, announced, func(g Gomega, now held) {
			for _, unit := range v1alpha1.Units() {
				g.Expect(now.certificate(unit)).NotTo(Equal(first.certificate(unit)))
				g.Expect(now.trusted(unit)).To(Equal(announced.trusted(unit)))
			}
		})
		s.afterOverlaps(ctx, exchanged, func(g Gomega, now held) {
			for _, unit := range v1alpha1.Units() {
				g.Expect(now.certificate(unit)).To(Equal(exchanged.certificate(unit)))
				g.Expect(now.trusted(unit)).To(Equal(s.authority(ctx)))
			}
		})
		Eventually(s.events).WithArguments(ctx, "AuthorityExchanged").Should(HaveLen(1))
		Eventually(s.events).WithArguments(ctx, "CertificateExchanged").Should(ConsistOf(
			ContainSubstring("unit primary"), ContainSubstring("unit secondary")))
	})

	It("wait while a unit may not have received its Secret", func(ctx SpecContext) {
		first, old := s.held(ctx), s.authority(ctx)
		s.setConditions(ctx, v1alpha1.Secondary, units.Ready(false))
		s.eventually(ctx, v1alpha1.ConditionRedundant, v1alpha1.ReasonStandbyNotReady)
		deleteSecret(ctx, "edge-ca")
		Eventually(func() string { return s.held(ctx).trusted(v1alpha1.Primary) }).Should(And(
			HaveSuffix(old), Not(Equal(old))))
		for range 5 {
			clock.advance(credentials.Overlap)
			s.reconcileNow(ctx)
		}
		Expect(s.held(ctx).certificate(v1alpha1.Primary)).To(Equal(first.certificate(v1alpha1.Primary)))

		s.setConditions(ctx, v1alpha1.Secondary, units.Ready(true))
		s.eventually(ctx, v1alpha1.ConditionRedundant, v1alpha1.ReasonStandbyReady)
		s.afterOverlaps(ctx, s.held(ctx), func(g Gomega, now held) {
			g.Expect(now.certificate(v1alpha1.Primary)).NotTo(Equal(first.certificate(v1alpha1.Primary)))
		})
	})

	It("are renewed one by one when a unit's Secret is deleted", func(ctx SpecContext) {
		first := s.held(ctx)
		deleteSecret(ctx, "edge-secondary-tls")
		var renewed held
		Eventually(func(g Gomega) {
			renewed = s.held(ctx)
			g.Expect(renewed.certificate(v1alpha1.Secondary)).NotTo(Equal(first.certificate(v1alpha1.Secondary)))
		}).Should(Succeed())
		Expect(renewed.certificate(v1alpha1.Primary)).To(Equal(first.certificate(v1alpha1.Primary)))
		Expect(renewed.trusted(v1alpha1.Secondary)).To(Equal(s.authority(ctx)))
		s.expectMutualTrust(first, renewed)
	})

	It("are renewed months before they expire", func(ctx SpecContext) {
		first := s.held(ctx)
		clock.advance(credentials.UnitLifetime - credentials.UnitRenewal + time.Hour)
		Eventually(func(g Gomega) {
			s.reconcileNow(ctx)
			renewed := s.held(ctx)
			for _, unit := range v1alpha1.Units() {
				g.Expect(renewed.certificate(unit)).NotTo(Equal(first.certificate(unit)))
				g.Expect(renewed.trusted(unit)).To(Equal(first.trusted(unit)))
			}
			s.expectMutualTrust(first, renewed)
		}).Should(Succeed())
	})
})
