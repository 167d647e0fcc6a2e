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

// certificateDefinition is the kind that cert-manager brings along, with those of its fields that the operator uses.
// The API server drops every other, and a spec would miss it.
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

// renewAuthority gives the issuer another certificate to sign with.
func (c *certManager) renewAuthority() {
	GinkgoHelper()
	var err error
	c.authority, err = credentials.NewAuthority(credentials.Domain("edge", c.namespace), time.Now())
	Expect(err).NotTo(HaveOccurred())
}

// asked is the Certificate of a unit, nil when there is none.
func (s *stage) asked(ctx context.Context, unit v1alpha1.Unit) *unstructured.Unstructured {
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

// issue signs what is asked for, puts it where that is asked for, and says so.
func (c *certManager) issue(ctx context.Context, units ...v1alpha1.Unit) {
	GinkgoHelper()
	for _, unit := range units {
		var asked *unstructured.Unstructured
		Eventually(func() *unstructured.Unstructured {
			asked = c.asked(ctx, unit)
			return asked
		}).ShouldNot(BeNil())
		names, _, _ := unstructured.NestedStringSlice(asked.Object, "spec", "dnsNames")
		Expect(names).To(HaveLen(1))
		own, err := credentials.Issue(c.authority, names[0], time.Now())
		Expect(err).NotTo(HaveOccurred())
		c.put(ctx, asked, map[string][]byte{
			"tls.crt": own.Certificate, "tls.key": own.Key, "ca.crt": c.authority.Certificate,
		})
		c.sayOf(ctx, unit, "Ready", true, "Ready", "Certificate is up to date and has not expired")
	}
}

// put writes the Secret that is asked for.
func (c *certManager) put(ctx context.Context, asked *unstructured.Unstructured, data map[string][]byte) {
	GinkgoHelper()
	name, _, _ := unstructured.NestedString(asked.Object, "spec", "secretName")
	labels, _, _ := unstructured.NestedStringMap(asked.Object, "spec", "secretTemplate", "labels")
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: c.namespace, Labels: labels,
			Annotations: map[string]string{"cert-manager.io/certificate-name": asked.GetName()},
		},
		Type: corev1.SecretTypeTLS, Data: data,
	}
	err := admin.Create(ctx, secret)
	if apierrors.IsAlreadyExists(err) {
		err = admin.Update(ctx, secret)
	}
	Expect(err).NotTo(HaveOccurred())
}

// sayOf sets a condition of a unit's Certificate.
func (c *certManager) sayOf(ctx context.Context, unit v1alpha1.Unit, kind string, is bool, reason, message string) {
	GinkgoHelper()
	status := map[bool]string{true: "True", false: "False"}[is]
	Eventually(func() error {
		asked := c.asked(ctx, unit)
		Expect(asked).NotTo(BeNil())
		condition := map[string]any{
			"type": kind, "status": status, "reason": reason, "message": message,
			"lastTransitionTime": time.Now().UTC().Format(time.RFC3339), "observedGeneration": asked.GetGeneration(),
		}
		_ = unstructured.SetNestedSlice(asked.Object, []any{condition}, "status", "conditions")
		return admin.Status().Update(ctx, asked)
	}).Should(Succeed())
}

func fromIssuer(name string) func(*v1alpha1.HAPairSpec) {
	return func(spec *v1alpha1.HAPairSpec) {
		spec.Certificates = &v1alpha1.CertificatesSpec{IssuerRef: &v1alpha1.IssuerReference{Name: name}}
	}
}

// lookUntil has the operator look until the condition has this reason.
func (s *stage) lookUntil(ctx context.Context, condition, reason string, message ...string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		s.look(ctx)
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

	It("says that cert-manager is missing, and goes on when it is there", func(ctx SpecContext) {
		fromIssuer("site")(&s.pair.Spec)
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
			"does not know the kind Certificate", "install cert-manager, or remove spec.certificates.issuerRef")
		noSecrets(ctx)

		By("running a pair without an issuer all the same")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Certificates = nil })
		s.settle(ctx)

		By("leaving a pair that runs as it is when it asks for what is not there")
		before := s.held(ctx)
		s.change(ctx, fromIssuer("site"))
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked, "install cert-manager")
		s.eventually(ctx, v1alpha1.ConditionReady, v1alpha1.ReasonActive)
		Expect(s.held(ctx)).To(Equal(before))

		installCertManager()
		s.lookUntil(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCertificatesPending,
			"Certificate "+s.namespace+"/edge-primary", "Certificate "+s.namespace+"/edge-secondary",
			"nothing about it yet", "check that cert-manager runs")
	})

	It("asks for certificates, and gives them to its units", func(ctx SpecContext) {
		fromIssuer("site")(&s.pair.Spec)
		s.create(ctx)
		issuer := s.certManager()
		Eventually(func(g Gomega) {
			for _, unit := range both {
				asked := s.asked(ctx, unit)
				g.Expect(asked).NotTo(BeNil())
				g.Expect(metav1.IsControlledBy(asked, s.pair)).To(BeTrue())
				g.Expect(asked.GetLabels()).To(HaveKeyWithValue(v1alpha1.LabelPair, "edge"))
				g.Expect(asked.Object["spec"]).To(BeEquivalentTo(
					resources.Certificate(s.pair, unit, *s.pair.Issuer()).Object["spec"]), "the kind has every field")
			}
		}).Should(Succeed())
		issuer.sayOf(ctx, v1alpha1.Primary, "Ready", false, "DoesNotExist", "Issuing certificate as Secret does not exist")
		s.lookUntil(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCertificatesPending,
			"edge-primary is not ready, cert-manager says DoesNotExist: Issuing certificate",
			`"kubectl describe certificate edge-primary"`)
		issuer.issue(ctx, v1alpha1.Primary)
		s.lookUntil(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCertificatesPending, "edge-secondary is not ready")
		noSecrets(ctx)

		issuer.issue(ctx, v1alpha1.Secondary)
		s.lookUntil(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonCreating)
		given := s.held(ctx)
		for _, unit := range both {
			Expect(given.trusted(unit)).To(BeEquivalentTo(issuer.authority.Certificate))
			Expect(metav1.IsControlledBy(given[unit], s.pair)).To(BeTrue())
		}
		s.expectNoStrangers(given, given)
		Expect(apierrors.IsNotFound(s.get(ctx, "edge-ca", &corev1.Secret{}))).To(BeTrue(), "nobody needs it")
		s.settle(ctx)

		By("writing nothing while nothing changes")
		written := func() int { return asked.in(s.namespace).writes }
		Eventually(func() bool {
			before := written()
			s.look(ctx)
			return written() == before
		}).Should(BeTrue())
		before := written()
		for range 5 {
			s.look(ctx)
		}
		Expect(written()).To(Equal(before))

		By("mending what was changed")
		certificate := s.asked(ctx, v1alpha1.Primary)
		Expect(unstructured.SetNestedField(certificate.Object, "1h0m0s", "spec", "duration")).To(Succeed())
		Expect(admin.Update(ctx, certificate)).To(Succeed())
		Eventually(func() string {
			s.look(ctx)
			duration, _, _ := unstructured.NestedString(s.asked(ctx, v1alpha1.Primary).Object, "spec", "duration")
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
			s.expectNoStrangers(given, renewed)
		}).Should(Succeed())
	})

	It("goes from its own authority to the issuer and back with no moment as strangers", func(ctx SpecContext) {
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
			s.look(ctx)
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
		s.expectNoStrangers(first, announced)
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
			s.look(ctx)
			now := s.held(ctx)
			s.expectNoStrangers(before, now)
			g.Expect(now.trusted(v1alpha1.Primary)).To(And(
				ContainSubstring(former), ContainSubstring(string(issuer.authority.Certificate))))
		}).Should(Succeed())
		half := s.afterOverlaps(ctx, s.held(ctx), func(g Gomega, now held) {
			g.Expect(now.certificate(v1alpha1.Secondary)).NotTo(Equal(before.certificate(v1alpha1.Secondary)))
			g.Expect(now.certificate(v1alpha1.Primary)).To(Equal(before.certificate(v1alpha1.Primary)))
		})
		issuer.issue(ctx, v1alpha1.Primary)
		whole := s.afterOverlaps(ctx, half, alone(string(issuer.authority.Certificate)))

		By("going back")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Certificates = nil })
		for _, unit := range both {
			Eventually(func() *unstructured.Unstructured { return s.asked(ctx, unit) }).Should(BeNil())
		}
		back := s.held(ctx)
		s.expectNoStrangers(whole, back)
		s.afterOverlaps(ctx, back, alone(own))
		s.eventually(ctx, v1alpha1.ConditionReconciling, v1alpha1.ReasonSettled)
	})

	It("says what is wrong with what is issued", func(ctx SpecContext) {
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

	It("keeps its hands off a Certificate of another", func(ctx SpecContext) {
		users := resources.Certificate(s.pair, v1alpha1.Secondary, v1alpha1.IssuerReference{Name: "users"})
		users.SetOwnerReferences(nil)
		Expect(admin.Create(ctx, users)).To(Succeed())
		fromIssuer("site")(&s.pair.Spec)
		s.create(ctx)
		s.eventually(ctx, v1alpha1.ConditionStalled, v1alpha1.ReasonBlocked,
			"Certificate "+s.namespace+"/edge-secondary exists and does not belong to this pair")
		s.change(ctx, func(spec *v1alpha1.HAPairSpec) { spec.Certificates = nil })
		s.settle(ctx)
		after := s.asked(ctx, v1alpha1.Secondary)
		Expect(after).NotTo(BeNil())
		Expect(after.GetResourceVersion()).To(Equal(users.GetResourceVersion()))
	})
})

// installCertManager brings the kind into the cluster, for as long as this suite runs.
func installCertManager() {
	GinkgoHelper()
	_, err := envtest.InstallCRDs(adminConfig, envtest.CRDInstallOptions{
		CRDs: []*apiextensionsv1.CustomResourceDefinition{certificateDefinition()},
	})
	Expect(err).NotTo(HaveOccurred())
}
