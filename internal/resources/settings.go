package resources

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/class/connectioncache/options"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/state"
)

// Sync returns what a policy has the pair replicate. A class that the policy does not choose, and every class of a pair
// without a policy, has the default of the catalogue.
func Sync(policy *v1alpha1.SyncPolicy) (contract.Sync, error) {
	spec := v1alpha1.SyncPolicySpec{}
	if policy != nil {
		spec = policy.Spec
	}
	catalogue := state.Classes()
	replicated := map[string]bool{}
	for _, name := range catalogue.Selectable() {
		row, _ := catalogue.Named(name)
		replicated[name] = row.Default == state.Replicated
	}
	for i, class := range spec.Classes {
		row, err := catalogue.Select(string(class.Name))
		if err != nil {
			return contract.Sync{}, fmt.Errorf("spec.classes[%d].name: %w", i, err)
		}
		replicated[row.Name] = class.Mode == v1alpha1.SyncModeReplicate
	}
	sync := contract.Sync{Classes: []contract.SyncClass{}, AuditIntervalSeconds: contract.DefaultAuditIntervalSeconds}
	for _, name := range slices.Sorted(maps.Keys(replicated)) {
		if !replicated[name] {
			continue
		}
		class := contract.SyncClass{Name: name}
		if spec.Connections != nil {
			parsed, err := connectionOptions(spec.Connections)
			if err != nil {
				return contract.Sync{}, fmt.Errorf("spec.connections.%w", err)
			}
			class.Options = parsed
		}
		sync.Classes = append(sync.Classes, class)
	}
	if throttle := spec.Throttle; throttle != nil {
		sync.RecordsPerSecond, sync.KilobitsPerSecond = throttle.RecordsPerSecond, throttle.KilobitsPerSecond
	}
	return sync, nil
}

// connectionOptions returns the options of class ConnectionCache in the form of the settings.
func connectionOptions(filter *v1alpha1.ConnectionFilter) (json.RawMessage, error) {
	document, err := json.Marshal(filter)
	if err != nil {
		return nil, err
	}
	parsed, err := options.Parse(document)
	if err != nil {
		return nil, err
	}
	return json.Marshal(parsed)
}

// Settings are what both sidecars of the pair are told.
func Settings(pair *v1alpha1.HAPair, sync contract.Sync) (contract.Settings, error) {
	told := contract.Settings{Pair: pair.Name, Namespace: pair.Namespace, Sync: sync}
	tellFailover(&told, pair.Spec.Failover)
	for i, network := range pair.Spec.Networks {
		n := contract.Network{Interface: network.Name, VirtualMAC: virtualMAC(pair, network)}
		for j, text := range network.VirtualAddresses {
			address, err := netip.ParsePrefix(text)
			if err != nil {
				return contract.Settings{}, fmt.Errorf("spec.networks[%d].virtualAddresses[%d]: %w", i, j, err)
			}
			n.VirtualAddresses = append(n.VirtualAddresses, address)
		}
		told.Networks = append(told.Networks, n)
	}
	for i, wanted := range pair.Spec.Failover.Monitors.Probes {
		probe, err := probeOf(wanted)
		if err != nil {
			return contract.Settings{}, fmt.Errorf("spec.failover.monitors.probes[%d]%w", i, err)
		}
		told.Probes = append(told.Probes, probe)
	}
	return told, nil
}

// EncodeSettings writes settings as the sidecars read them. It refuses what a sidecar would refuse: better here, where
// a person sees it, than in a pod that does not start.
func EncodeSettings(told contract.Settings) ([]byte, error) {
	if err := told.Validate(); err != nil {
		return nil, err
	}
	return encode(told)
}

func encode(told contract.Settings) ([]byte, error) {
	encoded, err := json.MarshalIndent(told, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding sidecar settings: %w", err)
	}
	return append(encoded, '\n'), nil
}
