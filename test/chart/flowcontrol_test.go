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

// TestFlowSchemaHasWhatUnitsMayDo demands that each request for a Lease that a unit may make is meant, and no more: the
// less of other programs comes along, the better.
func TestFlowSchemaHasWhatUnitsMayDo(t *testing.T) {
	rule := rulesOf(t)[0].ResourceRules[0]
	role := resources.Role(&v1alpha1.HAPair{}, v1alpha1.Primary)
	for _, right := range role.Rules {
		if !slices.Contains(right.Resources, "leases") {
			continue
		}
		got, want := slices.Sorted(slices.Values(rule.Verbs)), slices.Sorted(slices.Values(right.Verbs))
		if !slices.Equal(got, want) || !slices.Equal(rule.APIGroups, right.APIGroups) {
			t.Errorf("meant are %v of %v, a unit may %v of %v", got, rule.APIGroups, want, right.APIGroups)
		}
		return
	}
	t.Errorf("no unit has a right to its Lease: %+v", role.Rules)
}

// TestPriorityLevelIsBounded demands that what is for everybody in a pod cannot take the API server for itself, and
// that its places are there when they are needed.
func TestPriorityLevelIsBounded(t *testing.T) {
	release := render(t, set("flowControl.concurrencyShares=25")...)
	schema := find[*flowcontrolv1.FlowSchema](t, release, "-leases")
	level := find[*flowcontrolv1.PriorityLevelConfiguration](t, release, schema.Spec.PriorityLevelConfiguration.Name)
	limited := level.Spec.Limited
	if level.Spec.Type != flowcontrolv1.PriorityLevelEnablementLimited || limited == nil {
		t.Fatalf("want a level with bounds, got %+v", level.Spec)
	}
	if *limited.NominalConcurrencyShares != 25 || *limited.LendablePercent != 0 {
		t.Errorf("want 25 shares, none of them lent, got %+v", limited)
	}
	if by := schema.Spec.DistinguisherMethod; by == nil || by.Type != flowcontrolv1.FlowDistinguisherMethodByUserType {
		t.Errorf("one unit could keep the others waiting: %+v", by)
	}
}

func TestFlowControlOfNamespaces(t *testing.T) {
	if got := rulesOf(t)[0].ResourceRules[0].Namespaces; !slices.Equal(got, []string{"*"}) {
		t.Errorf("by itself it is for the leases of %v", got)
	}
	named := rulesOf(t, set("flowControl.namespaces={east,west}")...)
	if got := named[0].ResourceRules[0].Namespaces; !slices.Equal(got, []string{"east", "west"}) {
		t.Errorf("it is for the leases of %v", got)
	}
}

func TestFlowControlIsOptional(t *testing.T) {
	release := render(t, set("flowControl.enabled=false")...)
	if schemas := findAll[*flowcontrolv1.FlowSchema](release, ""); len(schemas) != 0 {
		t.Errorf("%s is there although the values say otherwise", schemas[0].Name)
	}
	if levels := findAll[*flowcontrolv1.PriorityLevelConfiguration](release, ""); len(levels) != 0 {
		t.Errorf("%s is there although the values say otherwise", levels[0].Name)
	}
	find[*rbacv1.ClusterRole](t, release, "hapair-manager")
}
