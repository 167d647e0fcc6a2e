package v1alpha1_test

import (
	"os"
	"strings"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// TestOptionsRequireTheirClass evaluates the validation rules without the enum of class names.
func TestOptionsRequireTheirClass(t *testing.T) {
	spec := structuralSpec(t, "../../config/crd/hapair.io_syncpolicies.yaml")
	for class, refused := range map[string]bool{"ConnectionCache": false, "FTP": true, "RouteCache": true} {
		t.Run(class, func(t *testing.T) {
			policy := map[string]any{"classes": []any{
				map[string]any{"name": class, "connectionCache": map[string]any{"minimumAgeSeconds": int64(5)}},
			}}
			const costLimit = 1_000_000
			validator := cel.NewValidator(spec, false, costLimit)
			errs, _ := validator.Validate(t.Context(), field.NewPath("spec"), spec, policy, nil, costLimit)
			if !refused && len(errs) == 0 {
				return
			}
			const remedy = "move it to the item of that name, or remove it"
			if !refused || len(errs) != 1 || errs[0].Field != "spec.classes[0]" || !strings.Contains(errs[0].Detail, remedy) {
				t.Errorf("refused: want %v, got %v", refused, errs)
			}
		})
	}
}

// structuralSpec returns the schema of the spec in a CRD, in the form that evaluates validation rules.
func structuralSpec(t *testing.T, file string) *schema.Structural {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		t.Fatal(err)
	}
	external := crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
		&external, &internal, nil); err != nil {
		t.Fatal(err)
	}
	structural, err := schema.NewStructural(&internal)
	if err != nil {
		t.Fatal(err)
	}
	return structural
}
