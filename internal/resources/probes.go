package resources

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/netip"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
)

// probeOf returns the probe for the settings of the units. An error begins with the path of the field in the probe.
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
		return contract.Probe{}, fmt.Errorf(".%s.port: %d is not a port", kind, port)
	}
	probe.Port = uint16(port)
	address, err := netip.ParseAddr(string(host))
	if err != nil {
		return contract.Probe{}, fmt.Errorf(".%s.host: %w", kind, err)
	}
	probe.Host = address
	return probe, nil
}
