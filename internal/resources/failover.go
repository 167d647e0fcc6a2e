package resources

import (
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// failoverSettings returns how the units decide about a failover. A field with the same JSON name in spec.failover and
// in the settings is copied by that name. A field that the pair leaves out keeps the contract's default, also if the
// API server did not fill in its own.
func failoverSettings(wanted v1alpha1.FailoverSpec) (contract.Failover, error) {
	settings := contract.DefaultFailover()
	spec, err := json.Marshal(wanted)
	if err == nil {
		err = json.Unmarshal(spec, &settings)
	}
	if err != nil {
		return contract.Failover{}, fmt.Errorf("copying spec.failover: %w", err)
	}
	settings.HealthDampingSeconds = cmp.Or(wanted.Monitors.DampingSeconds, contract.DefaultHealthDampingSeconds)
	settings.Preemption = preemption(wanted.Preemption)
	return settings.Derived(), nil
}

// preemption returns nil unless the role returns to the primary unit.
func preemption(wanted v1alpha1.PreemptionSpec) *contract.Preemption {
	if wanted.Policy != v1alpha1.PreemptWhenHealthy {
		return nil
	}
	settings := &contract.Preemption{DelaySeconds: contract.DefaultPreemptionDelaySeconds}
	if wanted.DelaySeconds != nil {
		settings.DelaySeconds = *wanted.DelaySeconds
	}
	return settings
}
