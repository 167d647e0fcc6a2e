package apply_test

import (
	"bytes"
	"encoding/json"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/apply"
	v1alpha1ac "github.com/hapair-io/hapair/internal/applyconfiguration/api/v1alpha1"
)

func TestConvert(t *testing.T) {
	at := metav1.Unix(1700000000, 0)
	healthy := false
	for name, c := range map[string]struct {
		status  any
		convert func(any) (any, error)
	}{
		"empty": {v1alpha1.HAPairStatus{}, converter[v1alpha1ac.HAPairStatusApplyConfiguration]},
		"pair": {v1alpha1.HAPairStatus{
			ObservedGeneration: -1,
			Active:             v1alpha1.Primary,
			Term:               1<<62 + 1,
			Units:              []v1alpha1.UnitStatus{{Name: v1alpha1.Primary, Healthy: &healthy}, {}},
			History: []v1alpha1.FailoverRecord{{
				Time: metav1.NewMicroTime(at.Time), Steps: []v1alpha1.FailoverStep{{Name: "Detected"}},
			}},
			Conditions: []metav1.Condition{{Type: "Ready", LastTransitionTime: at}},
		}, converter[v1alpha1ac.HAPairStatusApplyConfiguration]},
		"policy": {v1alpha1.SyncPolicyStatus{
			Pairs: []string{"edge"}, Conditions: []metav1.Condition{{Type: "Accepted", LastTransitionTime: at}},
		}, converter[v1alpha1ac.SyncPolicyStatusApplyConfiguration]},
		"firewall": {v1alpha1.FirewallConfigurationStatus{
			Hash: "af", Errors: []v1alpha1.FieldError{{Message: "unknown zone"}},
		}, converter[v1alpha1ac.FirewallConfigurationStatusApplyConfiguration]},
	} {
		t.Run(name, func(t *testing.T) {
			converted, err := c.convert(c.status)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := fields(t, converted), fields(t, c.status); got != want {
				t.Errorf("the configuration is %s, the status is %s", got, want)
			}
		})
	}
}

func TestConvertRefusesFieldsWithoutConfiguration(t *testing.T) {
	status := v1alpha1.HAPairStatus{Active: v1alpha1.Primary}
	if got, err := apply.Convert[v1alpha1ac.SyncPolicyStatusApplyConfiguration](status); err == nil {
		t.Errorf("a field was dropped: %+v", got)
	}
}

func converter[C any](status any) (any, error) { return apply.Convert[C](status) }

// fields returns the JSON of a value with its keys sorted.
func fields(t *testing.T, value any) string {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber() // A term does not fit a float64.
	var sorted any
	if err := decoder.Decode(&sorted); err != nil {
		t.Fatal(err)
	}
	if encoded, err = json.Marshal(sorted); err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}
