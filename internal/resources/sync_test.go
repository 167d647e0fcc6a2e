package resources_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/internal/class/connectioncache/options"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/state"
)

type schema = apiextensionsv1.JSONSchemaProps

// policySchema returns the schema of SyncPolicy.spec.
func policySchema(t *testing.T) schema {
	t.Helper()
	text, err := os.ReadFile("../../config/crd/hapair.io_syncpolicies.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
}

// The markers of the API cannot refer to constants, so they repeat the values of the catalogue, of the class options
// and of the contract.
func TestPolicyMatchesCatalogueAndContract(t *testing.T) {
	spec := policySchema(t)
	class := spec.Properties["classes"].Items.Schema.Properties
	connectionCache := class["connectionCache"].Properties
	for name, lists := range map[string]struct{ got, want []string }{
		"classes":    {enum(class["name"]), append(state.Classes().Selectable(), slices.Collect(maps.Keys(never()))...)},
		"protocols":  {enum(*connectionCache["protocols"].Items.Schema), options.ProtocolNames()},
		"TCP states": {enum(*connectionCache["tcpStates"].Items.Schema), options.TCPStateNames()},
	} {
		slices.Sort(lists.want)
		if !slices.Equal(lists.got, lists.want) {
			t.Errorf("the API has %s %q, want %q", name, lists.got, lists.want)
		}
	}
	if got := *connectionCache["excludedNetworks"].MaxItems; got != options.MaxExcludedNetworks {
		t.Errorf("the API allows %d excluded networks, want %d", got, options.MaxExcludedNetworks)
	}
	if got := *connectionCache["minimumAgeSeconds"].Maximum; got != options.MaxMinimumAgeSeconds {
		t.Errorf("the API allows a minimum age of %v s, want %d", got, options.MaxMinimumAgeSeconds)
	}
	within(t, class["weight"], contract.MinSyncWeight, contract.MaxSyncWeight)
	interval := spec.Properties["audit"].Properties["intervalSeconds"]
	within(t, interval, contract.MinAuditIntervalSeconds, contract.MaxAuditIntervalSeconds)
	if got := string(interval.Default.Raw); got != "600" || contract.DefaultAuditIntervalSeconds != 600 {
		t.Errorf("the API's default of the interval of audits is %s, want %d", got, contract.DefaultAuditIntervalSeconds)
	}
	within(t, spec.Properties["throttle"].Properties["recordsPerSecond"],
		contract.MinRecordsPerSecond, contract.MaxRecordsPerSecond)
	within(t, spec.Properties["throttle"].Properties["kilobitsPerSecond"],
		contract.MinKilobitsPerSecond, contract.MaxKilobitsPerSecond)
}

// never returns why each class that is never replicated is refused, by its name.
func never() map[string]string {
	refusals := map[string]string{}
	for _, row := range state.Classes() {
		if row.Default == state.Never {
			_, err := state.Classes().Select(row.Name)
			refusals[row.Name] = err.Error()
		}
	}
	return refusals
}

// The API server refuses a class that is never replicated with the reason of the catalogue.
func TestPolicyRefusesClassesThatAreNeverReplicated(t *testing.T) {
	rules := map[string]string{}
	for _, rule := range policySchema(t).Properties["classes"].Items.Schema.Properties["name"].XValidations {
		rules[rule.Rule] = rule.Message
	}
	for name, want := range never() {
		rule := "self != '" + name + "'"
		if got := rules[rule]; got != want {
			t.Errorf("the API refuses %s with %q, want %q", name, got, want)
		}
		delete(rules, rule)
	}
	if len(rules) > 0 {
		t.Errorf("the API has other rules: %v", rules)
	}
}

// A field that no row of the catalogue validates would be ignored without an error.
func TestOptionsOfClassesAreValidated(t *testing.T) {
	common := []string{"name", "mode", "weight"}
	item := policySchema(t).Properties["classes"].Items.Schema.Properties
	validated := map[string]bool{}
	for _, row := range state.Classes() {
		if row.Options != nil {
			validated[strings.ToLower(row.Name)] = true
		}
	}
	for field := range item {
		if !slices.Contains(common, field) && !validated[strings.ToLower(field)] {
			t.Errorf("no row of the catalogue validates %s", field)
		}
		delete(validated, strings.ToLower(field))
	}
	for name := range validated {
		t.Errorf("the API has no field with the options of class %s", name)
	}
}

// within checks the bounds of a field.
func within(t *testing.T, field schema, lowest, highest float64) {
	t.Helper()
	if field.Minimum == nil || field.Maximum == nil || *field.Minimum != lowest || *field.Maximum != highest {
		t.Errorf("%q is within %v and %v, want %v and %v", field.Description, field.Minimum, field.Maximum, lowest, highest)
	}
}

// enum returns the values of a field, sorted.
func enum(field schema) []string {
	var values []string
	for _, value := range field.Enum {
		values = append(values, strings.Trim(string(value.Raw), `"`))
	}
	slices.Sort(values)
	return values
}

// A description repeats a default of the catalogue, and must not differ from it.
func TestPolicyDescribesDefaultWeight(t *testing.T) {
	weight := policySchema(t).Properties["classes"].Items.Schema.Properties["weight"].Description
	row, _ := state.Classes().Row(state.ConnectionCache)
	if !strings.HasSuffix(weight, "8 for ConnectionCache.") || row.Weight != 8 {
		t.Errorf("%q, want weight %d", weight, row.Weight)
	}
}
