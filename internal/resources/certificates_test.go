package resources_test

import (
	"bytes"
	"os"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/resources"
)

// Users see the requests to cert-manager. Run the test with -update to write the file again.
func TestCertificates(t *testing.T) {
	const path = "testdata/certificates.yaml"
	var got bytes.Buffer
	for _, issuer := range []v1alpha1.IssuerReference{
		{Name: "site"}, {Name: "site", Kind: "StepClusterIssuer", Group: "certmanager.step.sm"},
	} {
		for _, unit := range v1alpha1.Units() {
			encoded, err := yaml.Marshal(resources.Certificate(smallest(), unit, issuer))
			if err != nil {
				t.Fatal(err)
			}
			got.WriteString("---\n" + string(encoded))
		}
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("%s differs from the objects that the package builds; if that is intended, run "+
			"go test ./internal/resources -update and review the difference. Got:\n%s", path, got.String())
	}
}

// A change of the issuer must not replace the units.
func TestIssuerIsNoPartOfThePod(t *testing.T) {
	before := hash(t, smallest(), images, contract.Sync{})
	pair := smallest()
	pair.Spec.Certificates = &v1alpha1.CertificatesSpec{IssuerRef: &v1alpha1.IssuerReference{Name: "site"}}
	if hash(t, pair, images, contract.Sync{}) != before {
		t.Error("the pod's template changed")
	}
}

// Argo CD with label tracking prunes an object with its instance label that has no owner, and cert-manager gives the
// Secrets no owner.
func TestIssuedSecretsHaveNoInstanceLabel(t *testing.T) {
	for _, unit := range v1alpha1.Units() {
		certificate := resources.Certificate(smallest(), unit, v1alpha1.IssuerReference{Name: "site"})
		labels, _, err := unstructured.NestedStringMap(certificate.Object, "spec", "secretTemplate", "labels")
		if err != nil {
			t.Fatal(err)
		}
		if _, tracked := labels["app.kubernetes.io/instance"]; tracked || labels[v1alpha1.LabelPair] != "edge" {
			t.Errorf("the Secret of unit %s gets the labels %v", unit, labels)
		}
	}
}
