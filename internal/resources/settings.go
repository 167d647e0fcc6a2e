package resources

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// Settings are what both sidecars of the pair are told.
func Settings(pair *v1alpha1.HAPair, sync contract.Sync) (contract.Settings, error) {
	failover, err := failoverSettings(pair.Spec.Failover)
	if err != nil {
		return contract.Settings{}, err
	}
	told := contract.Settings{Pair: pair.Name, Namespace: pair.Namespace, Failover: failover, Sync: sync}
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
