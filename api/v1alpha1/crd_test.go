package v1alpha1_test

import (
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// maxCRDBytes bounds a CRD as a file and as the annotation that client-side apply writes. The API server refuses
// annotations of more than 256 KiB in all, and the limit leaves some of it for growth.
const maxCRDBytes = 200_000

func TestCRDs(t *testing.T) {
	files, err := filepath.Glob("../../config/crd/hapair.io_*.yaml")
	if err != nil || len(files) != 4 {
		t.Fatalf("want the CRDs of four kinds in config/crd, got %v (%v); run make generate", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			annotation, err := yaml.YAMLToJSON(text)
			if err != nil {
				t.Fatal(err)
			}
			if len(text) > maxCRDBytes || len(annotation) > maxCRDBytes {
				t.Errorf("%d bytes as YAML, %d as JSON; at most %d are allowed", len(text), len(annotation), maxCRDBytes)
			}
			var crd apiextensionsv1.CustomResourceDefinition
			if err := yaml.UnmarshalStrict(text, &crd); err != nil {
				t.Fatal(err)
			}
			expectServable(t, crd)
			for _, version := range crd.Spec.Versions {
				schema := version.Schema.OpenAPIV3Schema
				for _, part := range []string{"spec", "status"} {
					expectDocumented(t, part, schema.Properties[part])
				}
			}
		})
	}
}

// expectServable validates the CRD as the API server does when it is created. The check compiles each validation rule
// and estimates its cost. A rule can be correct in the source and broken in the CRD: gofmt replaces two single quotes
// in the comment of a type by a typographic one.
func expectServable(t *testing.T, crd apiextensionsv1.CustomResourceDefinition) {
	t.Helper()
	scheme := runtime.NewScheme()
	install.Install(scheme)
	scheme.Default(&crd)
	var internal apiextensions.CustomResourceDefinition
	if err := scheme.Convert(&crd, &internal, nil); err != nil {
		t.Fatal(err)
	}
	internal.Status.StoredVersions = []string{internal.Spec.Versions[0].Name}
	for _, err := range validation.ValidateCustomResourceDefinition(t.Context(), &internal) {
		t.Error(err)
	}
}

// expectDocumented demands a description of every field, which is all that kubectl explain shows.
func expectDocumented(t *testing.T, path string, field apiextensionsv1.JSONSchemaProps) {
	t.Helper()
	if field.Description == "" {
		t.Errorf("%s has no description", path)
	}
	for name, property := range field.Properties {
		expectDocumented(t, path+"."+name, property)
	}
	if field.Items != nil && field.Items.Schema != nil {
		for name, property := range field.Items.Schema.Properties {
			expectDocumented(t, path+"[]."+name, property)
		}
	}
}
