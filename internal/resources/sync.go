package resources

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hapair-io/hapair/api/v1alpha1"
	connectioncache "github.com/hapair-io/hapair/internal/class/connectioncache/options"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/state"
)

// Sync returns the replication settings of a policy. A class that the policy does not list has the default of the
// catalogue. Without a policy all classes have their defaults.
func Sync(policy *v1alpha1.SyncPolicy) (contract.Sync, error) {
	sync := contract.Sync{Classes: []contract.SyncClass{}, AuditIntervalSeconds: contract.DefaultAuditIntervalSeconds}
	spec := v1alpha1.SyncPolicySpec{}
	if policy != nil {
		spec = policy.Spec
	}
	chosen := map[state.Class]v1alpha1.SyncClass{}
	for i, class := range spec.Classes {
		row, err := state.Classes().Select(string(class.Name))
		if err != nil {
			return contract.Sync{}, fmt.Errorf("spec.classes[%d].name: %w", i, err)
		}
		options, err := classOptions(class)
		if err != nil {
			return contract.Sync{}, fmt.Errorf("spec.classes[%d].%w", i, err)
		}
		chosen[row.ID] = class
		if isReplicated(row, class.Mode) {
			sync.Classes = append(sync.Classes, contract.SyncClass{Name: row.Name, Weight: class.Weight, Options: options})
		}
	}
	for _, row := range state.Classes() {
		if _, ok := chosen[row.ID]; !ok && row.Default == state.Replicated {
			sync.Classes = append(sync.Classes, contract.SyncClass{Name: row.Name})
		}
	}
	slices.SortFunc(sync.Classes, func(a, b contract.SyncClass) int { return cmp.Compare(a.Name, b.Name) })
	if throttle := spec.Throttle; throttle != nil {
		sync.RecordsPerSecond, sync.KilobitsPerSecond = throttle.RecordsPerSecond, throttle.KilobitsPerSecond
	}
	if spec.Audit != nil && spec.Audit.IntervalSeconds != 0 {
		sync.AuditIntervalSeconds = spec.Audit.IntervalSeconds
	}
	return sync, nil
}

// isReplicated reports whether a pair replicates a class in a mode. An empty mode is the default.
func isReplicated(row state.Row, mode v1alpha1.SyncMode) bool {
	switch mode {
	case v1alpha1.SyncModeReplicate:
		return true
	case v1alpha1.SyncModeSkip:
		return false
	default:
		return row.Default == state.Replicated
	}
}

// classOptions returns the options of a class in the form of the settings. It validates them with the function that the
// unit also calls. A new class with options adds its field here.
func classOptions(class v1alpha1.SyncClass) (json.RawMessage, error) {
	if class.ConnectionCache != nil {
		return translate("connectionCache", class.ConnectionCache, connectioncache.Parse)
	}
	return nil, nil
}

// translate returns options of the API in the form of the settings. Both have the same names in JSON.
func translate[T any](field string, options any, parse func([]byte) (T, error)) (json.RawMessage, error) {
	document, err := json.Marshal(options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	parsed, err := parse(document)
	if err != nil {
		return nil, fmt.Errorf("%s.%w", field, err)
	}
	return json.Marshal(parsed)
}
