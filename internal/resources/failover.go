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

// The defaults of the API, for a pair that came past its defaulting.
const (
	defaultHeartbeatIntervalMilliseconds = 100
	defaultMissedHeartbeats              = 3
	defaultLeaseDurationSeconds          = 15
	defaultPreemptDelaySeconds           = 300
	defaultDampingSeconds                = 3

	defaultProbeIntervalMilliseconds = 1000
	defaultProbeTimeoutMilliseconds  = 500
	defaultProbeFailureThreshold     = 3
	defaultProbeSuccessThreshold     = 2
	defaultHTTPPort                  = 80
	defaultHTTPPath                  = "/"
)

// leastMargin is what a derived grant has beyond the detection at least: the time in which a write of the Lease is
// answered by an API server in good order.
const leastMargin = 60

func tellFailover(told *contract.Sidecar, wanted v1alpha1.FailoverSpec) {
	told.LeaseDurationSeconds = cmp.Or(wanted.LeaseDurationSeconds, defaultLeaseDurationSeconds)
	told.HeartbeatIntervalMilliseconds = cmp.Or(wanted.HeartbeatIntervalMilliseconds, defaultHeartbeatIntervalMilliseconds)
	told.MissedHeartbeats = cmp.Or(wanted.MissedHeartbeats, defaultMissedHeartbeats)
	detection := told.HeartbeatIntervalMilliseconds * told.MissedHeartbeats
	told.GrantMilliseconds = cmp.Or(wanted.GrantMilliseconds, detection+max(detection/2, leastMargin))
	told.Isolation = string(cmp.Or(wanted.Isolation, v1alpha1.IsolationFence))
	told.HealthDampingSeconds = cmp.Or(wanted.Monitors.DampingSeconds, defaultDampingSeconds)
	if preempt := wanted.Preempt; preempt != nil {
		told.Preempt = &contract.Preempt{DelaySeconds: defaultPreemptDelaySeconds}
		if preempt.DelaySeconds != nil {
			told.Preempt.DelaySeconds = *preempt.DelaySeconds
		}
	}
}

// locallyAdministered is the first octet of the addresses that the operator makes: unicast, and of no manufacturer.
const locallyAdministered = 0x02

// virtualMAC is the address of the active unit's interface; empty where each unit keeps its own. One that the operator
// makes is the same for the pair's life, and another for every network and every pair, also of other clusters on the
// same segment.
func virtualMAC(pair *v1alpha1.HAPair, network v1alpha1.NetworkSpec) string {
	switch network.VirtualMAC {
	case "", v1alpha1.VirtualMACNone:
		return ""
	case v1alpha1.VirtualMACAuto:
		hash := sha256.Sum256([]byte(string(pair.UID) + "/" + network.Name))
		return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x",
			locallyAdministered, hash[0], hash[1], hash[2], hash[3], hash[4])
	default:
		return strings.ToLower(network.VirtualMAC)
	}
}

// probeOf is the probe as the sidecars are told it. An error begins with the path of the field below the probe.
func probeOf(wanted v1alpha1.ProbeSpec) (contract.Probe, error) {
	probe := contract.Probe{
		Name:                 wanted.Name,
		Interface:            wanted.Network,
		IntervalMilliseconds: cmp.Or(wanted.IntervalMilliseconds, defaultProbeIntervalMilliseconds),
		TimeoutMilliseconds:  cmp.Or(wanted.TimeoutMilliseconds, defaultProbeTimeoutMilliseconds),
		FailureThreshold:     cmp.Or(wanted.FailureThreshold, defaultProbeFailureThreshold),
		SuccessThreshold:     cmp.Or(wanted.SuccessThreshold, defaultProbeSuccessThreshold),
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
		kind, probe.Type, host, port = "http", contract.ProbeHTTP, http.Host, cmp.Or(http.Port, defaultHTTPPort)
		probe.Path = cmp.Or(http.Path, defaultHTTPPath)
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
