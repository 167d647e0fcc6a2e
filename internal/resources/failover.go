package resources

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// tellFailover fills in how the units decide about a failover. A pair that came past the defaulting of the API gets the
// same defaults here.
func tellFailover(told *contract.Settings, wanted v1alpha1.FailoverSpec) {
	told.LeaseDurationSeconds = cmp.Or(wanted.LeaseDurationSeconds, contract.DefaultLeaseDurationSeconds)
	told.HeartbeatIntervalMilliseconds = cmp.Or(wanted.HeartbeatIntervalMilliseconds,
		contract.DefaultHeartbeatIntervalMilliseconds)
	told.MissedHeartbeats = cmp.Or(wanted.MissedHeartbeats, contract.DefaultMissedHeartbeats)
	told.GrantMilliseconds = cmp.Or(wanted.GrantMilliseconds,
		contract.DerivedGrantMilliseconds(told.HeartbeatIntervalMilliseconds, told.MissedHeartbeats))
	told.Isolation = cmp.Or(contract.Isolation(wanted.Isolation), contract.DefaultIsolation)
	told.HealthDampingSeconds = cmp.Or(wanted.Monitors.DampingSeconds, contract.DefaultHealthDampingSeconds)
	if preemption := wanted.Preemption; preemption.Policy == v1alpha1.PreemptWhenHealthy {
		told.Preemption = &contract.Preemption{DelaySeconds: contract.DefaultPreemptionDelaySeconds}
		if preemption.DelaySeconds != nil {
			told.Preemption.DelaySeconds = *preemption.DelaySeconds
		}
	}
}

// locallyAdministered is the first octet of the addresses that the operator makes: unicast, and of no manufacturer.
const locallyAdministered = 0x02

// virtualMAC returns the MAC address of the active unit's interface, or "" where each unit keeps its own. A derived
// address stays the same for the life of the pair. It differs between networks and between pairs, also between those of
// different clusters on one segment.
func virtualMAC(pair *v1alpha1.HAPair, network v1alpha1.NetworkSpec) string {
	switch network.VirtualMAC.Type {
	case v1alpha1.VirtualMACAuto:
		hash := sha256.Sum256([]byte(string(pair.UID) + "/" + network.Name))
		return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x",
			locallyAdministered, hash[0], hash[1], hash[2], hash[3], hash[4])
	case v1alpha1.VirtualMACStatic:
		return strings.ToLower(network.VirtualMAC.Address)
	case v1alpha1.VirtualMACNone:
		return ""
	default: // a pair that the API server did not default
		return ""
	}
}

// probeOf is the probe as the sidecars are told it. An error begins with the path of the field below the probe.
func probeOf(wanted v1alpha1.ProbeSpec) (contract.Probe, error) {
	probe := contract.Probe{
		Name:                 wanted.Name,
		Interface:            wanted.Network,
		IntervalMilliseconds: cmp.Or(wanted.IntervalMilliseconds, contract.DefaultProbeIntervalMilliseconds),
		TimeoutMilliseconds:  cmp.Or(wanted.TimeoutMilliseconds, contract.DefaultProbeTimeoutMilliseconds),
		FailureThreshold:     cmp.Or(wanted.FailureThreshold, contract.DefaultProbeFailureThreshold),
		SuccessThreshold:     cmp.Or(wanted.SuccessThreshold, contract.DefaultProbeSuccessThreshold),
	}
	var kind string
	var host v1alpha1.ProbeHost
	var port int32
	switch icmp, tcp, http := wanted.ICMP, wanted.TCP, wanted.HTTP; {
	case icmp != nil && tcp == nil && http == nil:
		kind, probe.Type, host = "icmp", contract.ProbeICMP, icmp.Host
	case tcp != nil && icmp == nil && http == nil:
		kind, probe.Type, host, port = "tcp", contract.ProbeTCP, tcp.Host, tcp.Port
	case http != nil && icmp == nil && tcp == nil:
		kind, probe.Type, host, port = "http", contract.ProbeHTTP, http.Host, cmp.Or(http.Port, contract.DefaultHTTPPort)
		probe.Path = cmp.Or(http.Path, contract.DefaultHTTPPath)
	default:
		return contract.Probe{}, errors.New(": exactly one of icmp, tcp and http must be set")
	}
	if port < 0 || port > math.MaxUint16 {
		return contract.Probe{}, fmt.Errorf(".%s.port: %d is no port", kind, port)
	}
	probe.Port = uint16(port)
	address, err := netip.ParseAddr(string(host))
	if err != nil {
		return contract.Probe{}, fmt.Errorf(".%s.host: %w", kind, err)
	}
	probe.Host = address
	return probe, nil
}
