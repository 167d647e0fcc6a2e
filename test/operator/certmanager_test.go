//go:build apiserver

package operator

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/resources"
)

// certificateDefinition returns cert-manager's kind Certificate with the fields that the operator uses. The API server
// drops all other fields, and a test would notice.
func certificateDefinition() *apiextensionsv1.CustomResourceDefinition {
	type properties = map[string]apiextensionsv1.JSONSchemaProps
	text := apiextensionsv1.JSONSchemaProps{Type: "string"}
	number := apiextensionsv1.JSONSchemaProps{Type: "integer", Format: "int64"}
	object := func(p properties, required ...string) apiextensionsv1.JSONSchemaProps {
		return apiextensionsv1.JSONSchemaProps{Type: "object", Properties: p, Required: required}
	}
	list := func(of apiextensionsv1.JSONSchemaProps) apiextensionsv1.JSONSchemaProps {
		return apiextensionsv1.JSONSchemaProps{
			Type: "array", Items: &apiextensionsv1.JSONSchemaPropsOrArray{Schema: &of},
		}
	}
	texts := apiextensionsv1.JSONSchemaProps{
		Type: "object", AdditionalProperties: &apiextensionsv1.JSONSchemaPropsOrBool{Allows: true, Schema: &text},
	}
	schema := object(properties{
		"spec": object(properties{
			"secretName":     text,
			"secretTemplate": object(properties{"labels": texts, "annotations": texts}),
			"dnsNames":       list(text), "usages": list(text),
			"privateKey":  object(properties{"algorithm": text, "size": number, "rotationPolicy": text}),
			"duration":    text,
			"renewBefore": text,
			"issuerRef":   object(properties{"name": text, "kind": text, "group": text}, "name"),
		}, "issuerRef", "secretName"),
		"status": object(properties{"conditions": list(object(properties{
			"type": text, "status": text, "reason": text, "message": text,
			"lastTransitionTime": {Type: "string", Format: "date-time"}, "observedGeneration": number,
		}, "type", "status"))}),
	})
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "certificates.cert-manager.io"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "cert-manager.io",
			Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "certificates", Kind: "Certificate"},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
				Name: "v1", Served: true, Storage: true,
				Subresources: &apiextensionsv1.CustomResourceSubresources{
					Status: &apiextensionsv1.CustomResourceSubresourceStatus{},
				},
				Schema: &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &schema},
			}},
		},
	}
}

// certManager plays cert-manager with an issuer of the type CA.
type certManager struct {
	*stage
	authority credentials.KeyPair
}

func (s *stage) certManager() *certManager {
	GinkgoHelper()
	c := &certManager{stage: s}
	c.renewAuthority()
	return c
}

// renewAuthority gives the issuer another authority to sign with.
func (c *certManager) renewAuthority() {
	GinkgoHelper()
	var err error
	c.authority, err = credentials.NewAuthority(credentials.Domain("edge", c.namespace), time.Now())
	Expect(err).NotTo(HaveOccurred())
}

// certificateOf returns the Certificate of a unit; nil if it does not exist.
func (s *stage) certificateOf(ctx context.Context, unit v1alpha1.Unit) *unstructured.Unstructured {
	GinkgoHelper()
	certificate := &unstructured.Unstructured{}
	certificate.SetGroupVersionKind(resources.CertificateKind)
	if err := s.get(ctx, s.podName(unit), certificate); apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		Expect(err).NotTo(HaveOccurred())
	}
	return certificate
}

// issue signs the requested certificates, writes them into the requested Secrets, and reports that.
func (c *certManager) issue(ctx context.Context, units ...v1alpha1.Unit) {
	GinkgoHelper()
	for _, unit := range units {
		var certificate *unstructured.Unstructured
		Eventually(func() *unstructured.Unstructured {
			certificate = c.certificateOf(ctx, unit)
			return certificate
		}).ShouldNot(BeNil())
		names, _, _ := unstructured.NestedStringSlice(certificate.Object, "spec", "dnsNames")
		Expect(names).To(HaveLen(1))
		own, err := credentials.Issue(c.authority, names[0], time.Now())
		Expect(err).NotTo(HaveOccurred())
		c.put(ctx, certificate, map[string][]byte{
			"tls.crt": own.Certificate, "tls.key": own.Key, "ca.crt": c.authority.Certificate,
		})
		c.setCondition(ctx, unit, "Ready", true, "Ready", "Certificate is up to date and has not expired")
	}
}

// put writes the Secret that a Certificate requests.
func (c *certManager) put(ctx context.Context, certificate *unstructured.Unstructured, data map[string][]byte) {
	GinkgoHelper()
	name, _, _ := unstructured.NestedString(certificate.Object, "spec", "secretName")
	labels, _, _ := unstructured.NestedStringMap(certificate.Object, "spec", "secretTemplate", "labels")
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: c.namespace, Labels: labels,
			Annotations: map[string]string{"cert-manager.io/certificate-name": certificate.GetName()},
		},
		Type: corev1.SecretTypeTLS, Data: data,
	}
	err := admin.Create(ctx, secret)
	if apierrors.IsAlreadyExists(err) {
		err = admin.Update(ctx, secret)
	}
	Expect(err).NotTo(HaveOccurred())
}

// setCondition sets a condition of a unit's Certificate.
func (c *certManager) setCondition(
	ctx context.Context, unit v1alpha1.Unit, kind string, is bool, reason, message string,
) {
	GinkgoHelper()
	status := map[bool]string{true: "True", false: "False"}[is]
	Eventually(func() error {
		certificate := c.certificateOf(ctx, unit)
		Expect(certificate).NotTo(BeNil())
		condition := map[string]any{
			"type": kind, "status": status, "reason": reason, "message": message,
			"lastTransitionTime": time.Now().UTC().Format(time.RFC3339), "observedGeneration": certificate.GetGeneration(),
		}
		_ = unstructured.SetNestedSlice(certificate.Object, []any{condition}, "status", "conditions")
		return admin.Status().Update(ctx, certificate)
	}).Should(Succeed())
}

func fromIssuer(name string) func(*v1alpha1.HAPairSpec) {
	return func(spec *v1alpha1.HAPairSpec) {
		spec.Certificates = &v1alpha1.CertificatesSpec{IssuerRef: &v1alpha1.IssuerReference{Name: name}}
	}
}

// reconcileUntil reconciles the pair until the condition has this reason.
func (s *stage) reconcileUntil(ctx context.Context, condition, reason string, message ...string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		s.reconcileNow(ctx)
		seen := s.condition(ctx, condition)
		g.Expect(seen).NotTo(BeNil())
		g.Expect(seen.Reason).To(Equal(reason), seen.Message)
		for _, part := range message {
			g.Expect(seen.Message).To(ContainSubstring(part))
		}
	}).Should(Succeed())
}

var _ = Describe("A pair with an issuer of cert-manager", Ordered, func() {
	var s *stage
	both := v1alpha1.Units()
	BeforeEach(func(ctx SpecContext) {
		DeferCleanup(clock.reset)
		s = newStage(ctx)
	})
	noSecrets := func(ctx SpecContext) {
		GinkgoHelper()
		for _, name := range []string{"edge-ca", "edge-primary-tls", "edge-secondary-tls"} {
			Expect(apierrors.IsNotFound(s.get(ctx, name, &corev1.Secret{}))).To(BeTrue(), name)
		}
	}

	It("reports that cert-manager is missing, and continues when it is installed", func(ctx SpecContext) {
		fromIssuer("site")(&s.pair.Spec)
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
			"does not know the kind Certificate", "install cert-manager, or remove spec.certificates.issuerRef")
		noSecrets(ctx)

		By("still running a pair without an issuer")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Certificates = nil })
		s.settle(ctx)

		By("leaving a running pair alone when it names an issuer before cert-manager is installed")
		before := s.held(ctx)
		s.change(ctx, fromIssuer("site"))
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked, "install cert-manager")
		s.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonActive)
		Expect(s.held(ctx)).To(Equal(before))

		installCertManager()
		s.reconcileUntil(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCertificatesPending,
			"Certificate "+s.namespace+"/edge-primary", "Certificate "+s.namespace+"/edge-secondary",
			"nothing about it yet", "check that cert-manager runs")
	})

	It("requests certificates, and gives them to its units", func(ctx SpecContext) {
		fromIssuer("site")(&s.pair.Spec)
		s.create(ctx)
		issuer := s.certManager()
		Eventually(func(g Gomega) {
			for _, unit := range both {
				certificate := s.certificateOf(ctx, unit)
				g.Expect(certificate).NotTo(BeNil())
				g.Expect(metav1.IsControlledBy(certificate, s.pair)).To(BeTrue())
				g.Expect(certificate.GetLabels()).To(HaveKeyWithValue(v1alpha1.LabelPair, "edge"))
				g.Expect(certificate.Object["spec"]).To(BeEquivalentTo(
					resources.Certificate(s.pair, unit, *s.pair.Issuer()).Object["spec"]), "the kind has every field")
			}
		}).Should(Succeed())
		issuer.setCondition(ctx, v1alpha1.Primary, "Ready", false,
			"DoesNotExist", "Issuing certificate as Secret does not exist")
		s.reconcileUntil(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCertificatesPending,
			"edge-primary is not ready, cert-manager says DoesNotExist: Issuing certificate",
			`"kubectl describe certificate edge-primary"`)
		issuer.issue(ctx, v1alpha1.Primary)
		s.reconcileUntil(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCertificatesPending,
			"edge-secondary is not ready")
		noSecrets(ctx)

		issuer.issue(ctx, v1alpha1.Secondary)
		s.reconcileUntil(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCreating)
		given := s.held(ctx)
		for _, unit := range both {
			Expect(given.trusted(unit)).To(BeEquivalentTo(issuer.authority.Certificate))
			Expect(metav1.IsControlledBy(given[unit], s.pair)).To(BeTrue())
		}
		s.expectMutualTrust(given, given)
		Expect(apierrors.IsNotFound(s.get(ctx, "edge-ca", &corev1.Secret{}))).To(BeTrue(), "no unit needs it")
		s.settle(ctx)

		By("writing nothing while nothing changes")
		written := func() int { return requests.in(s.namespace).writes }
		Eventually(func() bool {
			before := written()
			s.reconcileNow(ctx)
			return written() == before
		}).Should(BeTrue())
		before := written()
		for range 5 {
			s.reconcileNow(ctx)
		}
		Expect(written()).To(Equal(before))

		By("restoring what was changed")
		certificate := s.certificateOf(ctx, v1alpha1.Primary)
		Expect(unstructured.SetNestedField(certificate.Object, "1h0m0s", "spec", "duration")).To(Succeed())
		Expect(admin.Update(ctx, certificate)).To(Succeed())
		Eventually(func() string {
			s.reconcileNow(ctx)
			duration, _, _ := unstructured.NestedString(s.certificateOf(ctx, v1alpha1.Primary).Object, "spec", "duration")
			return duration
		}).Should(Equal(credentials.UnitLifetime.String()))

		By("giving the units what cert-manager renews")
		issuer.issue(ctx, both...)
		Eventually(func(g Gomega) {
			renewed := s.held(ctx)
			for _, unit := range both {
				g.Expect(renewed.certificate(unit)).NotTo(Equal(given.certificate(unit)))
				g.Expect(renewed.trusted(unit)).To(Equal(given.trusted(unit)))
			}
			s.expectMutualTrust(given, renewed)
		}).Should(Succeed())
	})

	It("moves from its authority to the issuer and back, while its units trust each other", func(ctx SpecContext) {
		s.create(ctx)
		s.settle(ctx)
		first, own := s.held(ctx), s.authority(ctx)
		s.change(ctx, fromIssuer("site"))
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCertificatesPending)
		Expect(s.held(ctx)).To(Equal(first))

		issuer := s.certManager()
		issuer.issue(ctx, both...)
		announced := first
		Eventually(func(g Gomega) {
			s.reconcileNow(ctx)
			announced = s.held(ctx)
			for _, unit := range both {
				g.Expect(announced.trusted(unit)).To(Equal(string(issuer.authority.Certificate) + own))
				g.Expect(announced.certificate(unit)).To(Equal(first.certificate(unit)))
			}
		}).Should(Succeed())
		ofIssuer := func(g Gomega, now held) {
			for _, unit := range both {
				g.Expect(now.certificate(unit)).NotTo(Equal(first.certificate(unit)))
			}
		}
		s.expectMutualTrust(first, announced)
		exchanged := s.afterOverlaps(ctx, announced, ofIssuer)
		alone := func(authority string) func(Gomega, held) {
			return func(g Gomega, now held) {
				for _, unit := range both {
					g.Expect(now.trusted(unit)).To(Equal(authority))
				}
			}
		}
		before := s.afterOverlaps(ctx, exchanged, alone(string(issuer.authority.Certificate)))

		By("following the issuer to another authority, though it signs for one unit first")
		former := string(issuer.authority.Certificate)
		issuer.renewAuthority()
		issuer.issue(ctx, v1alpha1.Secondary)
		Eventually(func(g Gomega) {
			s.reconcileNow(ctx)
			now := s.held(ctx)
			s.expectMutualTrust(before, now)
			g.Expect(now.trusted(v1alpha1.Primary)).To(And(
				ContainSubstring(former), ContainSubstring(string(issuer.authority.Certificate))))
		}).Should(Succeed())
		half := s.afterOverlaps(ctx, s.held(ctx), func(g Gomega, now held) {
			g.Expect(now.certificate(v1alpha1.Secondary)).NotTo(Equal(before.certificate(v1alpha1.Secondary)))
			g.Expect(now.certificate(v1alpha1.Primary)).To(Equal(before.certificate(v1alpha1.Primary)))
		})
		issuer.issue(ctx, v1alpha1.Primary)
		whole := s.afterOverlaps(ctx, half, alone(string(issuer.authority.Certificate)))

		By("moving back")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Certificates = nil })
		for _, unit := range both {
			Eventually(func() *unstructured.Unstructured { return s.certificateOf(ctx, unit) }).Should(BeNil())
		}
		back := s.held(ctx)
		s.expectMutualTrust(whole, back)
		s.afterOverlaps(ctx, back, alone(own))
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
	})

	It("reports what is wrong with an issued certificate", func(ctx SpecContext) {
		fromIssuer("site")(&s.pair.Spec)
		s.create(ctx)
		issuer := s.certManager()
		issuer.issue(ctx, both...)
		s.held(ctx)
		issued := &corev1.Secret{}
		Expect(s.get(ctx, "edge-secondary-issued", issued)).To(Succeed())

		authority := issued.Data["ca.crt"]
		delete(issued.Data, "ca.crt")
		Expect(admin.Update(ctx, issued)).To(Succeed())
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCertificatesPending,
			"edge-secondary-issued has no ca.crt", "types CA and Vault")

		issued.Data["ca.crt"], issued.Data["tls.key"] = authority, []byte("x")
		Expect(admin.Update(ctx, issued)).To(Succeed())
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCertificatesPending,
			"edge-secondary-issued", "is malformed")
		issuer.issue(ctx, v1alpha1.Secondary)
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCreating)
	})

	It("does not change a Certificate of someone else", func(ctx SpecContext) {
		users := resources.Certificate(s.pair, v1alpha1.Secondary, v1alpha1.IssuerReference{Name: "users"})
		users.SetOwnerReferences(nil)
		Expect(admin.Create(ctx, users)).To(Succeed())
		fromIssuer("site")(&s.pair.Spec)
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
			"Certificate "+s.namespace+"/edge-secondary exists and does not belong to this pair")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Certificates = nil })
		s.settle(ctx)
		after := s.certificateOf(ctx, v1alpha1.Secondary)
		Expect(after).NotTo(BeNil())
		Expect(after.GetResourceVersion()).To(Equal(users.GetResourceVersion()))
	})
})

// installCertManager adds the kind Certificate to the cluster, until the suite ends.
func installCertManager() {
	GinkgoHelper()
	_, err := envtest.InstallCRDs(adminConfig, envtest.CRDInstallOptions{
		CRDs: []*apiextensionsv1.CustomResourceDefinition{certificateDefinition()},
	})
	Expect(err).NotTo(HaveOccurred())
}
