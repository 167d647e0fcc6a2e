package chart

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

func TestLint(t *testing.T) {
	if _, err := helm(t, "lint", "--strict", "--quiet", root+"/charts/hapair"); err != nil {
		t.Fatal(err)
	}
}

func TestDefaultRelease(t *testing.T) {
	release := render(t)

	t.Run("has each kind of object", func(t *testing.T) {
		find[*corev1.ServiceAccount](t, release, "hapair-manager")
		find[*rbacv1.ClusterRole](t, release, "hapair-view")
		find[*rbacv1.ClusterRole](t, release, "hapair-edit-pairs")
		find[*rbacv1.ClusterRole](t, release, "hapair-edit-firewalls")
		find[*flowcontrolv1.FlowSchema](t, release, "hapair-leases")
		find[*flowcontrolv1.PriorityLevelConfiguration](t, release, "hapair-leases")
		find[*apiextensionsv1.CustomResourceDefinition](t, release, "firewallconfigurations.hapair.io")
		find[*apiextensionsv1.CustomResourceDefinition](t, release, "hapairs.hapair.io")
		find[*apiextensionsv1.CustomResourceDefinition](t, release, "syncpolicies.hapair.io")
	})

	t.Run("puts every namespaced object into the release's namespace and labels it", func(t *testing.T) {
		for _, object := range release {
			kind := object.GetObjectKind().GroupVersionKind().Kind
			switch kind {
			case "CustomResourceDefinition":
				continue
			case "ClusterRole", "ClusterRoleBinding", "FlowSchema", "PriorityLevelConfiguration",
				"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding":
			default:
				if object.GetNamespace() != namespace {
					t.Errorf("%s %s is in namespace %q", kind, object.GetName(), object.GetNamespace())
				}
			}
			if object.GetLabels()["app.kubernetes.io/instance"] != "hapair" {
				t.Errorf("%s %s has no label with the name of the release", kind, object.GetName())
			}
		}
	})

	t.Run("has no hooks, which Argo CD and Helm run differently", func(t *testing.T) {
		for _, object := range release {
			if _, hook := object.GetAnnotations()["helm.sh/hook"]; hook {
				t.Errorf("%s is a hook", object.GetName())
			}
		}
	})

	t.Run("lets a drain evict one replica at a time", func(t *testing.T) {
		budget := find[*policyv1.PodDisruptionBudget](t, release, "hapair-manager")
		if budget.Spec.MaxUnavailable.IntValue() != 1 {
			t.Errorf("maxUnavailable is %v", budget.Spec.MaxUnavailable)
		}
		pod := find[*appsv1.Deployment](t, release, "hapair-manager").Spec.Template
		selector := labels.SelectorFromSet(budget.Spec.Selector.MatchLabels)
		if !selector.Matches(labels.Set(pod.Labels)) {
			t.Errorf("%v does not select %v", selector, pod.Labels)
		}
		unit := labels.Set{
			"app.kubernetes.io/name": "hapair", "app.kubernetes.io/instance": "hapair",
			"app.kubernetes.io/managed-by": "hapair", v1alpha1.LabelPair: "hapair",
		}
		if selector.Matches(unit) {
			t.Errorf("%v selects the units of a pair with the name of the release", selector)
		}
	})
}

func TestRenderingIsRepeatable(t *testing.T) {
	arguments := []string{"template", "hapair", root + "/charts/hapair"}
	first, err := helm(t, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	second, err := helm(t, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(second) {
		t.Error("two renderings differ; Argo CD would never call the release synchronized")
	}
}

func TestNames(t *testing.T) {
	for name, c := range map[string]struct {
		release   string
		arguments []string
		want      string
	}{
		"the name of the chart":          {release: "hapair", want: "hapair-manager"},
		"a name that has the chart name": {release: "my-hapair", want: "my-hapair-manager"},
		"another release name":           {release: "edge", want: "edge-hapair-manager"},
		"another name":                   {"edge", []string{"--set", "nameOverride=fw"}, "edge-fw-manager"},
		"another full name":              {"edge", []string{"--set", "fullnameOverride=fw"}, "fw-manager"},
		"a name with a dot at the cut": {
			release: strings.Repeat("a", 49) + ".b", want: strings.Repeat("a", 49) + "-manager",
		},
		"too long a name": {release: strings.Repeat("a", 53), want: strings.Repeat("a", 50) + "-manager"},
	} {
		t.Run(name, func(t *testing.T) {
			release := renderAs(t, c.release, c.arguments...)
			deployment := find[*appsv1.Deployment](t, release, "")
			if deployment.Name != c.want {
				t.Errorf("the Deployment is named %s, want %s", deployment.Name, c.want)
			}
			account := find[*corev1.ServiceAccount](t, release, "")
			if got := deployment.Spec.Template.Spec.ServiceAccountName; got != account.Name {
				t.Errorf("the pods run as %s, the ServiceAccount is %s", got, account.Name)
			}
			for _, binding := range findAll[*rbacv1.ClusterRoleBinding](release, "") {
				find[*rbacv1.ClusterRole](t, release, binding.RoleRef.Name)
				expectSubject(t, binding.Subjects, account.Name)
			}
			for _, binding := range findAll[*rbacv1.RoleBinding](release, "") {
				find[*rbacv1.Role](t, release, binding.RoleRef.Name)
				expectSubject(t, binding.Subjects, account.Name)
			}
		})
	}
}

func expectSubject(t *testing.T, subjects []rbacv1.Subject, account string) {
	t.Helper()
	want := []rbacv1.Subject{{Kind: "ServiceAccount", Name: account, Namespace: namespace}}
	if !slices.Equal(subjects, want) {
		t.Errorf("bound to %+v, want %+v", subjects, want)
	}
}
