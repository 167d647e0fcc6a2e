package resources

import (
	"reflect"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// Each kind of probe is a field of the API with its options, and a type of the contract with the same name.
func TestEachKindOfProbeReachesTheUnits(t *testing.T) {
	missing := map[contract.ProbeType]bool{}
	for _, kind := range contract.ProbeTypes() {
		missing[kind] = true
	}
	spec := reflect.TypeFor[v1alpha1.ProbeSpec]()
	for i := range spec.NumField() {
		if spec.Field(i).Type.Kind() != reflect.Pointer {
			continue
		}
		name, _, _ := strings.Cut(spec.Field(i).Tag.Get("json"), ",")
		t.Run(name, func(t *testing.T) {
			wanted := v1alpha1.ProbeSpec{Name: "gateway", Network: "wan"}
			options := reflect.New(spec.Field(i).Type.Elem())
			options.Elem().FieldByName("Host").SetString("192.0.2.254")
			reflect.ValueOf(&wanted).Elem().Field(i).Set(options)
			probe, err := probeOf(wanted)
			if err != nil {
				t.Fatal(err)
			}
			if !missing[probe.Type] {
				t.Errorf("its type is %q, which is unknown or belongs to another field", probe.Type)
			}
			delete(missing, probe.Type)
		})
	}
	for kind := range missing {
		t.Errorf("the API has no field for the type %s", kind)
	}
}
