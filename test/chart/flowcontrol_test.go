package chart

import (
	"slices"
	"testing"

	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/resources"
)

func rulesOf(t *testing.T, arguments ...string) []flowcontrolv1.PolicyRulesWithSubjects {
	t.Helper()
	return find[*flowcontrolv1.FlowSchema](t, render(t, arguments...), "-leases").Spec.Rules
}

// TestFlowSchemaMatchesRightsOfUnits checks that the schema matches exactly the requests for a Lease that a unit may
// make, so that few requests of other programs use the reserved capacity.
func TestFlowSchemaMatchesRightsOfUnits(t *testing.T) {
	rule := rulesOf(t)[0].ResourceRules[0]
	role := resources.Role(&v1alpha1.HAPair{}, v1alpha1.Primary)
	for _, right := range role.Rules {
		if !slices.Contains(right.Resources, "leases") {
			continue
		}
		got, want := slices.Sorted(slices.Values(rule.Verbs)), slices.Sorted(slices.Values(right.Verbs))
		if !slices.Equal(got, want) || !slices.Equal(rule.APIGroups, right.APIGroups) {
			t.Errorf("the schema matches %v in %v, a unit may %v in %v", got, rule.APIGroups, want, right.APIGroups)
		}
		return
	}
	t.Errorf("no unit has a right to its Lease: %+v", role.Rules)
}

// TestPriorityLevelIsBounded checks that the level is limited, since any pod can use it, and that its capacity is not
// lent, since it must be free when a unit needs it.
func TestPriorityLevelIsBounded(t *testing.T) {
	release := render(t, set("flowControl.concurrencyShares=25")...)
	schema := find[*flowcontrolv1.FlowSchema](t, release, "-leases")
	level := find[*flowcontrolv1.PriorityLevelConfiguration](t, release, schema.Spec.PriorityLevelConfiguration.Name)
	limited := level.Spec.Limited
	if level.Spec.Type != flowcontrolv1.PriorityLevelEnablementLimited || limited == nil {
		t.Fatalf("want a limited level, got %+v", level.Spec)
	}
	if *limited.NominalConcurrencyShares != 25 || *limited.LendablePercent != 0 {
		t.Errorf("want 25 shares that are not lent, got %+v", limited)
	}
	if by := schema.Spec.DistinguisherMethod; by == nil || by.Type != flowcontrolv1.FlowDistinguisherMethodByUserType {
		t.Errorf("one unit could keep the others waiting: %+v", by)
	}
}

func TestFlowControlOfNamespaces(t *testing.T) {
	if got := rulesOf(t)[0].ResourceRules[0].Namespaces; !slices.Equal(got, []string{"*"}) {
		t.Errorf("got namespaces %v by default, want all", got)
	}
	named := rulesOf(t, set("flowControl.namespaces={east,west}")...)
	if got := named[0].ResourceRules[0].Namespaces; !slices.Equal(got, []string{"east", "west"}) {
		t.Errorf("got namespaces %v, want east and west", got)
	}
}

func TestFlowControlIsOptional(t *testing.T) {
	release := render(t, set("flowControl.enabled=false")...)
	if schemas := findAll[*flowcontrolv1.FlowSchema](release, ""); len(schemas) != 0 {
		t.Errorf("got %s with flowControl.enabled=false", schemas[0].Name)
	}
	if levels := findAll[*flowcontrolv1.PriorityLevelConfiguration](release, ""); len(levels) != 0 {
		t.Errorf("got %s with flowControl.enabled=false", levels[0].Name)
	}
	find[*rbacv1.ClusterRole](t, release, "hapair-manager")
}
