package resources

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hapair-io/hapair/api/v1alpha1"
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
		options, err := classOptions(row, class)
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

// classOptions returns the options of a class in the form of the settings; nil if the policy has none. They are in the
// field of the item that has the name of the class. The catalogue has the function that validates them, which the unit
// calls too.
func classOptions(row state.Row, class v1alpha1.SyncClass) (json.RawMessage, error) {
	if row.Options == nil {
		return nil, nil
	}
	text, err := json.Marshal(class)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, err
	}
	for field, document := range fields {
		if !strings.EqualFold(field, row.Name) {
			continue
		}
		options, err := row.Options(document)
		if err != nil {
			return nil, fmt.Errorf("%s.%w", field, err)
		}
		return options, nil
	}
	return nil, nil
}
