package resources

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// Settings returns the settings of both sidecars. An error begins with the path of the field that is invalid.
func Settings(pair *v1alpha1.HAPair, sync contract.Sync) (contract.Settings, error) {
	failover, err := failoverSettings(pair.Spec.Failover)
	if err != nil {
		return contract.Settings{}, err
	}
	settings := contract.Settings{
		Pair: pair.Name, Namespace: pair.Namespace, Failover: failover, Sync: sync,
		ThirdPartyFirewall: pair.Spec.Firewall.Image != "",
		VPN:                pair.Spec.VPN != nil,
		DynamicRouting:     pair.Spec.DynamicRouting != nil,
		Providers:          providerSettings(pair.Spec.Providers),
	}
	for i, network := range pair.Spec.Networks {
		n := contract.Network{Interface: network.Name, VirtualMAC: virtualMAC(pair, network)}
		for j, text := range network.VirtualAddresses {
			address, err := netip.ParsePrefix(text)
			if err != nil {
				return contract.Settings{}, fmt.Errorf("spec.networks[%d].virtualAddresses[%d]: %w", i, j, err)
			}
			n.VirtualAddresses = append(n.VirtualAddresses, address)
		}
		settings.Networks = append(settings.Networks, n)
	}
	for i, wanted := range pair.Spec.Failover.Monitors.Probes {
		probe, err := probeOf(wanted)
		if err != nil {
			return contract.Settings{}, fmt.Errorf("spec.failover.monitors.probes[%d]%w", i, err)
		}
		settings.Probes = append(settings.Probes, probe)
	}
	return settings, nil
}

// EncodeSettings returns settings in the form that the sidecars read. It refuses settings that a sidecar would refuse,
// so that the error appears in the status of the pair and not in a pod that cannot start.
func EncodeSettings(settings contract.Settings) ([]byte, error) {
	if err := settings.Validate(); err != nil {
		return nil, err
	}
	return encode(settings)
}

func encode(settings contract.Settings) ([]byte, error) {
	encoded, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding sidecar settings: %w", err)
	}
	return append(encoded, '\n'), nil
}
