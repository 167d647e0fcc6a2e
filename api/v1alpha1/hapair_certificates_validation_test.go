//go:build apiserver

package v1alpha1_test

import (
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

func issuer(reference v1alpha1.IssuerReference) pairChange {
	return func(p *v1alpha1.HAPair) {
		p.Spec.Certificates = &v1alpha1.CertificatesSpec{IssuerRef: &reference}
	}
}

var _ = Describe("The certificates of an HAPair", func() {
	type reference = v1alpha1.IssuerReference

	DescribeTable("accept",
		func(ctx SpecContext, change pairChange) {
			pair := newPair()
			change(pair)
			Expect(trial.Create(ctx, pair)).To(Succeed())
		},
		Entry("no issuer", func(p *v1alpha1.HAPair) { p.Spec.Certificates = &v1alpha1.CertificatesSpec{} }),
		Entry("an issuer by its name alone", issuer(reference{Name: "site.ca"})),
		Entry("a name of 253 characters", issuer(reference{Name: strings.Repeat("a.", 126) + "a"})),
		Entry("an Issuer", issuer(reference{Name: "site", Kind: "Issuer", Group: "cert-manager.io"})),
		Entry("a ClusterIssuer", issuer(reference{Name: "site", Kind: "ClusterIssuer"})),
		Entry("an external issuer", issuer(reference{Name: "site", Kind: "StepIssuer", Group: "certmanager.step.sm"})),
	)

	DescribeTable("refuse",
		func(ctx SpecContext, field, remedy string, change pairChange) {
			pair := newPair()
			change(pair)
			expectRefusal(ctx, pair, "spec.certificates.issuerRef"+field, remedy)
		},
		Entry("an issuer without a name", ".name", "at least 1 chars", issuer(reference{})),
		Entry("an issuer with an invalid name", ".name", "as in edge-issuer", issuer(reference{Name: "Site CA"})),
		Entry("a name of 254 characters", ".name", "may not be more than 253", issuer(reference{
			Name: strings.Repeat("a", 254),
		})),
		Entry("a kind that cert-manager does not have", ".kind", "Issuer or ClusterIssuer",
			issuer(reference{Name: "site", Kind: "StepIssuer"})),
		Entry("a kind that starts with a lowercase letter", ".kind", "as in Issuer or ClusterIssuer",
			issuer(reference{Name: "site", Kind: "issuers", Group: "certmanager.step.sm"})),
		Entry("a group without a dot", ".group", "as in cert-manager.io",
			issuer(reference{Name: "site", Kind: "Issuer", Group: "core"})),
		Entry("a group with uppercase letters", ".group", "as in cert-manager.io",
			issuer(reference{Name: "site", Kind: "Issuer", Group: "Cert-Manager.io"})),
	)

	It("require a name", func(ctx SpecContext) {
		expectRefusal(ctx, parse(`
apiVersion: hapair.io/v1alpha1
kind: HAPair
metadata: {name: edge, namespace: default}
spec:
  firewall: {configurationRef: {name: edge}}
  networks: [{name: lan, attachment: {multus: {name: lan}}, virtualAddresses: [192.0.2.1/24]}]
  certificates: {issuerRef: {kind: ClusterIssuer}}`), "spec.certificates.issuerRef.name", "Required value")
	})

	It("default to an Issuer of cert-manager, and may change at any time", func(ctx SpecContext) {
		pair := newPair()
		pair.Name = "certificates"
		issuer(reference{Name: "site"})(pair)
		Expect(server.Create(ctx, pair)).To(Succeed())
		DeferCleanup(func(ctx SpecContext) { Expect(server.Delete(ctx, pair)).To(Succeed()) })
		stored := &v1alpha1.HAPair{}
		Expect(server.Get(ctx, client.ObjectKeyFromObject(pair), stored)).To(Succeed())
		Expect(*stored.Issuer()).To(Equal(reference{Name: "site", Kind: "Issuer", Group: "cert-manager.io"}))

		issuer(reference{Name: "other", Kind: "ClusterIssuer"})(stored)
		Expect(server.Update(ctx, stored)).To(Succeed())
		stored.Spec.Certificates = nil
		Expect(server.Update(ctx, stored)).To(Succeed())
	})
})
