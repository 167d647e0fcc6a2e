package ha

import (
	"reflect"
	"testing"

	"github.com/hapair-io/hapair/internal/contract"
)

// A setting that is not in the configuration would be accepted by the API and change nothing.
func TestEachSettingChangesTheConfiguration(t *testing.T) {
	before := Configure(contract.DefaultFailover().Derived())
	for i := range reflect.TypeFor[contract.Failover]().NumField() {
		settings := contract.DefaultFailover().Derived()
		field := reflect.ValueOf(&settings).Elem().Field(i)
		switch field.Kind() {
		case reflect.Int32:
			field.SetInt(field.Int() + 1)
		case reflect.Bool:
			field.SetBool(!field.Bool())
		case reflect.String:
			field.SetString("another")
		case reflect.Pointer:
			field.Set(reflect.New(field.Type().Elem()))
		default:
			t.Fatalf("the test cannot change a %s", field.Kind())
		}
		if reflect.DeepEqual(Configure(settings), before) {
			t.Errorf("%s does not change the configuration", reflect.TypeFor[contract.Failover]().Field(i).Name)
		}
	}
}
