package contract_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/internal/contract"
)

// schema returns the schema of a field of a CRD in config/crd. A path leads through lists, as in spec.probes.name.
func schema(t *testing.T, plural, path string) apiextensionsv1.JSONSchemaProps {
	t.Helper()
	text, err := os.ReadFile("../../config/crd/hapair.io_" + plural + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.UnmarshalStrict(text, &crd); err != nil {
		t.Fatal(err)
	}
	field := *crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	for name := range strings.SplitSeq(path, ".") {
		if field.Items != nil {
			field = *field.Items.Schema
		}
		next, ok := field.Properties[name]
		if !ok {
			t.Fatalf("%s has no field %s: %s is missing", plural, path, name)
		}
		field = next
	}
	return field
}

// number returns a bound of the schema as text; empty if it is not set.
func number(bound *float64) string {
	if bound == nil {
		return ""
	}
	return fmt.Sprint(int64(*bound))
}

func TestDefaultsAndBoundsAreThoseOfTheCRDs(t *testing.T) {
	const failover, probes = "spec.failover.", "spec.failover.monitors.probes."
	const unset = ""
	for _, test := range []struct {
		plural, path               string
		byDefault, lowest, highest any
	}{
		{
			"hapairs", failover + "leaseDurationSeconds", contract.DefaultLeaseDurationSeconds,
			contract.MinLeaseDurationSeconds, contract.MaxLeaseDurationSeconds,
		},
		{
			"hapairs", failover + "heartbeatIntervalMilliseconds", contract.DefaultHeartbeatIntervalMilliseconds,
			contract.MinHeartbeatIntervalMilliseconds, contract.MaxHeartbeatIntervalMilliseconds,
		},
		{
			"hapairs", failover + "missedHeartbeats", contract.DefaultMissedHeartbeats,
			contract.MinMissedHeartbeats, contract.MaxMissedHeartbeats,
		},
		{
			"hapairs", failover + "monitors.dampingSeconds", contract.DefaultHealthDampingSeconds,
			contract.MinHealthDampingSeconds, contract.MaxHealthDampingSeconds,
		},
		{
			"hapairs", failover + "preemption.delaySeconds", contract.DefaultPreemptionDelaySeconds,
			contract.MinPreemptionDelaySeconds, contract.MaxPreemptionDelaySeconds,
		},
		{
			"hapairs", failover + "grantMilliseconds", unset, contract.MinGrantMilliseconds, contract.MaxGrantMilliseconds,
		},
		{
			"hapairs", probes + "intervalMilliseconds", contract.DefaultProbeIntervalMilliseconds,
			contract.MinProbeIntervalMilliseconds, contract.MaxProbeIntervalMilliseconds,
		},
		{
			"hapairs", probes + "timeoutMilliseconds", contract.DefaultProbeTimeoutMilliseconds,
			contract.MinProbeTimeoutMilliseconds, contract.MaxProbeTimeoutMilliseconds,
		},
		{
			"hapairs", probes + "failureThreshold", contract.DefaultProbeFailureThreshold,
			contract.MinProbeThreshold, contract.MaxProbeThreshold,
		},
		{
			"hapairs", probes + "successThreshold", contract.DefaultProbeSuccessThreshold,
			contract.MinProbeThreshold, contract.MaxProbeThreshold,
		},
		{"hapairs", "spec.providers.runAsUser", unset, 1, contract.MaxProviderUID},
		{"hapairs", probes + "http.port", contract.DefaultHTTPPort, 1, 65535},
		{"hapairs", probes + "http.path", `"` + contract.DefaultHTTPPath + `"`, unset, unset},
		{"hapairs", failover + "isolation", fmt.Sprintf("%q", contract.DefaultIsolation), unset, unset},
		{
			"syncpolicies", "spec.throttle.recordsPerSecond", unset,
			contract.MinRecordsPerSecond, contract.MaxRecordsPerSecond,
		},
		{
			"syncpolicies", "spec.throttle.kilobitsPerSecond", unset,
			contract.MinKilobitsPerSecond, contract.MaxKilobitsPerSecond,
		},
	} {
		t.Run(test.path, func(t *testing.T) {
			field := schema(t, test.plural, test.path)
			var byDefault string
			if field.Default != nil {
				byDefault = string(field.Default.Raw)
			}
			got := []string{byDefault, number(field.Minimum), number(field.Maximum)}
			want := []string{fmt.Sprint(test.byDefault), fmt.Sprint(test.lowest), fmt.Sprint(test.highest)}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("default, minimum and maximum are %q in the CRD and %q in the contract", got, want)
			}
		})
	}
}

func TestListBoundsAreThoseOfTheCRDs(t *testing.T) {
	for path, want := range map[string]int64{
		"spec.failover.monitors.probes":  contract.MaxMonitored,
		"spec.networks.virtualAddresses": contract.MaxVirtualAddresses,
		"spec.providers":                 contract.MaxProviders,
		"spec.providers.writes":          contract.MaxProviderClasses,
		"spec.providers.reads":           contract.MaxProviderClasses,
		"spec.providers.addressObjects":  contract.MaxProviderObjects,
	} {
		expectMaxItems(t, "hapairs", path, want)
	}
	for path, want := range map[string]int64{
		"status.obstacles":          contract.MaxUnitObstacles,
		"status.health":             contract.MaxUnitHealth,
		"status.classes":            contract.MaxUnitClasses,
		"status.conditions":         contract.MaxUnitConditions,
		"status.lastFailover.steps": contract.MaxFailoverSteps,
	} {
		expectMaxItems(t, "haunits", path, want)
	}
	for path, want := range map[string]int64{
		"status.health.name":             contract.MaxCheckNameLength,
		"status.health.message":          contract.MaxMessageLength,
		"status.classes.name":            contract.MaxNameLength,
		"status.classes.state":           contract.MaxNameLength,
		"status.lastFailover.steps.name": contract.MaxNameLength,
	} {
		if got := schema(t, "haunits", path).MaxLength; got == nil || *got != want {
			t.Errorf("%s: the CRD bounds the length by %v, and the contract by %d", path, got, want)
		}
	}
	if got := schema(t, "hapairs", "spec.providers.name").MaxLength; got == nil || *got != contract.MaxProviderNameLength {
		t.Errorf("the CRD bounds the names of providers by %v, and the contract by %d", got, contract.MaxProviderNameLength)
	}
	classes := schema(t, "hapairs", "spec.providers.writes").Items.Schema.MaxLength
	if classes == nil || *classes != contract.MaxProviderClassLength {
		t.Errorf("the CRD bounds the names of classes by %v, and the contract by %d",
			classes, contract.MaxProviderClassLength)
	}
	if networks := schema(t, "hapairs", "spec.networks").MaxItems; networks == nil || *networks > contract.MaxMonitored {
		t.Errorf("the CRD allows %v networks, and a heartbeat holds %d", networks, contract.MaxMonitored)
	}
}

func expectMaxItems(t *testing.T, plural, path string, want int64) {
	t.Helper()
	if got := schema(t, plural, path).MaxItems; got == nil || *got != want {
		t.Errorf("%s: the CRD bounds the list by %v, and the contract by %d", path, got, want)
	}
}

func TestEnumsAreThoseOfTheCRDs(t *testing.T) {
	expectEnum(t, "hapairs", "spec.failover.isolation", contract.Isolations())
	expectEnum(t, "haunits", "spec.unit", []string{contract.Primary, contract.Secondary})
}

func expectEnum[T ~string](t *testing.T, plural, path string, want []T) {
	t.Helper()
	var got []T
	for _, value := range schema(t, plural, path).Enum {
		var text T
		if err := json.Unmarshal(value.Raw, &text); err != nil {
			t.Fatal(err)
		}
		got = append(got, text)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: the values are %v in the CRD and %v in the contract", path, got, want)
	}
}

// The CRDs document the values of open fields, so that a reader of kubectl explain knows those of this release.
func TestOpenValuesAreDocumented(t *testing.T) {
	for path, values := range map[string][]string{
		"status.fence":              texts(contract.Fences()),
		"status.lastFailover.cause": texts(contract.Causes()),
		"status.classes.state": {
			contract.ClassInSync, contract.ClassSynchronizing, contract.ClassDisconnected, contract.ClassTableFull,
		},
	} {
		field := schema(t, "haunits", path)
		if len(field.Enum) > 0 {
			t.Errorf("%s: a unit of a later release must be able to report another value", path)
		}
		for _, value := range values {
			if !strings.Contains(field.Description, value) {
				t.Errorf("%s: the description does not mention %s", path, value)
			}
		}
	}
}

func texts[T ~string](values []T) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}

// The CRD repeats the reserved ports, since markers cannot refer to constants.
func TestReservedPortsAreThoseOfTheCRD(t *testing.T) {
	want := strings.ReplaceAll(fmt.Sprint(contract.ReservedPorts()), " ", ", ")
	rules := schema(t, "hapairs", "spec.service.ports").Items.Schema.XValidations
	if len(rules) != 2 {
		t.Fatalf("got %d rules about ports, want 2", len(rules))
	}
	for _, rule := range rules {
		if !strings.Contains(rule.Rule, " in "+want) {
			t.Errorf("got the rule %s, want it to list %s", rule.Rule, want)
		}
	}
}
