package v1alpha1_test

import (
	"os"
	"path/filepath"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

// crdLimit keeps a CRD within what client-side apply can put into an annotation (256 KiB), with room to grow.
const crdLimit = 200_000

// TestCRDs holds the generated CRDs to what their readers count on.
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
			if len(text) > crdLimit {
				t.Errorf("%d bytes, at most %d are wanted", len(text), crdLimit)
			}
			var crd apiextensionsv1.CustomResourceDefinition
			if err := yaml.UnmarshalStrict(text, &crd); err != nil {
				t.Fatal(err)
			}
			for _, version := range crd.Spec.Versions {
				schema := version.Schema.OpenAPIV3Schema
				for _, part := range []string{"spec", "status"} {
					expectDocumented(t, part, schema.Properties[part])
				}
			}
		})
	}
}

// expectDocumented demands a description of every field, since kubectl explain shows nothing else.
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
