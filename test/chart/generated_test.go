package chart

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

const keepAnnotation = "helm.sh/resource-policy"

func TestCRDsAreThoseOfTheAPI(t *testing.T) {
	generated := readObjects(t, root+"/config/crd/hapair.io_*.yaml")
	release := render(t)
	rendered := findAll[*apiextensionsv1.CustomResourceDefinition](release, "")
	if len(rendered) != len(generated) {
		t.Errorf("the chart has %d CRDs, config/crd has %d; run make generate", len(rendered), len(generated))
	}
	for _, want := range generated {
		got := find[*apiextensionsv1.CustomResourceDefinition](t, release, want.GetName())
		if got.Annotations[keepAnnotation] != "keep" {
			t.Errorf("%s would be deleted with the release, and all pairs with it", got.Name)
		}
		delete(got.Annotations, keepAnnotation)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s differs from config/crd; run make generate", got.Name)
		}
	}
}

func TestCRDsMayBeDeletedWithTheRelease(t *testing.T) {
	for _, crd := range findAll[*apiextensionsv1.CustomResourceDefinition](render(t, set("crds.keep=false")...), "") {
		if _, kept := crd.Annotations[keepAnnotation]; kept {
			t.Errorf("%s is kept with crds.keep=false", crd.Name)
		}
	}
}

func TestCRDsMayComeFromElsewhere(t *testing.T) {
	crds := findAll[*apiextensionsv1.CustomResourceDefinition](render(t, set("crds.install=false")...), "")
	if len(crds) != 0 {
		t.Errorf("the release has %d CRDs with crds.install=false", len(crds))
	}
}

func TestClusterRoleIsThatOfTheCode(t *testing.T) {
	want := readObjects(t, root+"/config/rbac/role.yaml")[0].(*rbacv1.ClusterRole)
	got := find[*rbacv1.ClusterRole](t, render(t), "hapair-manager")
	if len(want.Rules) == 0 || !reflect.DeepEqual(got.Rules, want.Rules) {
		t.Errorf("the rules of the ClusterRole differ from config/rbac; run make generate")
	}
}

func TestWarningsAreThoseOfTheAPI(t *testing.T) {
	release := renderAs(t, "edge")
	bindings := findAll[*admissionregistrationv1.ValidatingAdmissionPolicyBinding](release, "")
	policies := 0
	for _, want := range readObjects(t, root+"/config/admission/warnings.yaml") {
		want, ok := want.(*admissionregistrationv1.ValidatingAdmissionPolicy)
		if !ok {
			continue
		}
		policies++
		got := find[*admissionregistrationv1.ValidatingAdmissionPolicy](t, release, strings.TrimPrefix(want.Name, "hapair"))
		if !reflect.DeepEqual(got.Spec, want.Spec) {
			t.Errorf("%s differs from config/admission; run make generate", got.Name)
		}
		bound := func(b *admissionregistrationv1.ValidatingAdmissionPolicyBinding) bool {
			return b.Spec.PolicyName == got.Name &&
				slices.Equal(b.Spec.ValidationActions, []admissionregistrationv1.ValidationAction{admissionregistrationv1.Warn})
		}
		if !strings.HasPrefix(got.Name, "edge-hapair-") || !slices.ContainsFunc(bindings, bound) {
			t.Errorf("%s does not warn: %+v", got.Name, bindings)
		}
	}
	if policies != len(bindings) || policies == 0 {
		t.Errorf("%d policies, %d bindings", policies, len(bindings))
	}
	none := render(t, set("warnings.enabled=false")...)
	if found := findAll[*admissionregistrationv1.ValidatingAdmissionPolicy](none, ""); len(found) != 0 {
		t.Errorf("the release has %d warnings with warnings.enabled=false", len(found))
	}
}

func readObjects(t *testing.T, pattern string) objects {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	var all objects
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parse(t, text)...)
	}
	if len(all) == 0 {
		t.Fatalf("%s matches no object; run make generate", pattern)
	}
	return all
}
