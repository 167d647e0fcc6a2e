package resources

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/state"
)

// protocolNumbers are of the IANA registry of protocol numbers.
var protocolNumbers = map[v1alpha1.ConnectionProtocol]uint8{
	"ICMP": 1, "TCP": 6, "UDP": 17, "GRE": 47, "ICMPv6": 58, "SCTP": 132,
}

// tcpStates are the kernel's enum tcp_conntrack.
var tcpStates = map[v1alpha1.TCPState]uint8{
	"SynSent": 1, "SynReceived": 2, "Established": 3, "FinWait": 4, "CloseWait": 5, "LastAck": 6, "TimeWait": 7,
	"Close": 8, "SimultaneousOpen": 9,
}

// Sync is what a policy lets the pair replicate; without a policy, every class that is replicated by default.
func Sync(policy *v1alpha1.SyncPolicy) (contract.Sync, error) {
	if policy == nil {
		policy = &v1alpha1.SyncPolicy{}
	}
	replicated := map[string]bool{state.ConnectionCache.String(): true}
	for i, class := range policy.Spec.Classes {
		known, err := state.ParseClass(string(class.Name))
		if err != nil {
			return contract.Sync{}, fmt.Errorf("spec.classes[%d].name: %w", i, err)
		}
		replicated[known.String()] = class.Mode == v1alpha1.SyncModeReplicate
	}
	maps.DeleteFunc(replicated, func(_ string, wanted bool) bool { return !wanted })
	sync := contract.Sync{Classes: slices.AppendSeq([]string{}, maps.Keys(replicated))}
	slices.Sort(sync.Classes)

	if connections := policy.Spec.Connections; connections != nil {
		var err error
		if sync.Protocols, err = numbers(connections.Protocols, protocolNumbers, "protocol"); err != nil {
			return contract.Sync{}, fmt.Errorf("spec.connections.protocols%w", err)
		}
		if sync.TCPStates, err = numbers(connections.TCPStates, tcpStates, "state"); err != nil {
			return contract.Sync{}, fmt.Errorf("spec.connections.tcpStates%w", err)
		}
		sync.MinimumAgeSeconds = connections.MinimumAgeSeconds
		for i, text := range connections.ExcludedNetworks {
			block, err := netip.ParsePrefix(text)
			if err != nil {
				return contract.Sync{}, fmt.Errorf("spec.connections.excludedNetworks[%d]: %w", i, err)
			}
			sync.ExcludedNetworks = append(sync.ExcludedNetworks, block)
		}
	}
	if throttle := policy.Spec.Throttle; throttle != nil {
		sync.RecordsPerSecond, sync.KilobitsPerSecond = throttle.RecordsPerSecond, throttle.KilobitsPerSecond
	}
	return sync, nil
}

// numbers are those of what is named, sorted.
func numbers[T ~string](names []T, known map[T]uint8, kind string) (contract.Numbers, error) {
	var all contract.Numbers
	for i, name := range names {
		number, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("[%d]: unknown %s %q", i, kind, name)
		}
		all = append(all, number)
	}
	slices.Sort(all)
	return all, nil
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
