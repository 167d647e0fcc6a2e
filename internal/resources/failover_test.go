package resources

import (
	"reflect"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// ownMapping are the fields of spec.failover that the settings have in another shape. The functions of failover.go and
// probes.go translate them.
var ownMapping = map[string]bool{"monitors": true, "preemption": true}

// Fields are copied by their JSON names, so each field of the API must have a field of that name in the settings.
func TestEachFailoverFieldReachesTheUnits(t *testing.T) {
	settings := kinds(reflect.TypeFor[contract.Failover]())
	for name, kind := range kinds(reflect.TypeFor[v1alpha1.FailoverSpec]()) {
		if !ownMapping[name] && settings[name] != kind {
			t.Errorf("spec.failover.%s is a %s, and contract.Failover has a field of kind %q by that name", name, kind,
				settings[name])
		}
		delete(settings, name)
	}
	delete(settings, "healthDampingSeconds") // It is spec.failover.monitors.dampingSeconds.
	for name := range settings {
		t.Errorf("contract.Failover has %s, and spec.failover has no field of that name", name)
	}
}

// kinds returns the kind of each field by its JSON name.
func kinds(of reflect.Type) map[string]string {
	all := map[string]string{}
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		all[name] = of.Field(i).Type.Kind().String()
	}
	return all
}
