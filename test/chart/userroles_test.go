package chart

import (
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// TestUserRoles checks that platform and firewall administrators have different rights, that neither can write an
// HAUnit, and that all can read every kind.
func TestUserRoles(t *testing.T) {
	release := render(t)
	for suffix, writable := range map[string][]string{
		"hapair-view":           {},
		"hapair-edit-pairs":     {"hapairs", "syncpolicies"},
		"hapair-edit-firewalls": {"firewallconfigurations"},
	} {
		t.Run(suffix, func(t *testing.T) {
			role := find[*rbacv1.ClusterRole](t, release, suffix)
			if got := resourcesWith(t, role, "update"); !slices.Equal(got, writable) {
				t.Errorf("got writable resources %v, want %v", got, writable)
			}
			if got := resourcesWith(t, role, "watch"); !slices.Equal(got, kindsOfTheAPI(t)) {
				t.Errorf("got readable resources %v, want %v", got, kindsOfTheAPI(t))
			}
		})
	}
}

// TestUserRolesAreAggregatedOneByOne checks that each value adds only its role to the roles of the cluster.
func TestUserRolesAreAggregatedOneByOne(t *testing.T) {
	for value, suffix := range map[string]string{
		"view": "hapair-view", "editPairs": "hapair-edit-pairs", "editFirewalls": "hapair-edit-firewalls",
	} {
		t.Run(value, func(t *testing.T) {
			release := render(t, set("userRoles.aggregate.view=false", "userRoles.aggregate."+value+"=true")...)
			for _, other := range []string{"hapair-view", "hapair-edit-pairs", "hapair-edit-firewalls"} {
				if got, want := aggregated(find[*rbacv1.ClusterRole](t, release, other)), other == suffix; got != want {
					t.Errorf("%s is aggregated: %v, want %v", other, got, want)
				}
			}
		})
	}
}

func aggregated(role *rbacv1.ClusterRole) bool {
	for label := range role.Labels {
		if strings.HasPrefix(label, "rbac.authorization.k8s.io/aggregate-to-") {
			return true
		}
	}
	return false
}

// resourcesWith returns the resources to which a role grants a verb, sorted.
func resourcesWith(t *testing.T, role *rbacv1.ClusterRole, verb string) []string {
	t.Helper()
	granted := []string{}
	for _, rule := range role.Rules {
		if !slices.Equal(rule.APIGroups, []string{v1alpha1.SchemeGroupVersion.Group}) {
			t.Errorf("got a rule for the groups %v", rule.APIGroups)
		}
		if slices.Contains(rule.Verbs, verb) {
			granted = append(granted, rule.Resources...)
		}
	}
	slices.Sort(granted)
	return granted
}

// kindsOfTheAPI returns the resources of all CRDs of the chart, sorted.
func kindsOfTheAPI(t *testing.T) []string {
	t.Helper()
	var plurals []string
	for _, crd := range readObjects(t, root+"/config/crd/hapair.io_*.yaml") {
		plural, _, _ := strings.Cut(crd.GetName(), ".")
		plurals = append(plurals, plural)
	}
	slices.Sort(plurals)
	return plurals
}
