package contract

import (
	"fmt"
	"slices"
	"strings"
)

func (s Settings) validateProbes() []error {
	var errs []error
	if len(s.Probes) > MaxMonitored {
		errs = append(errs, fmt.Errorf("probes: there are %d, and a heartbeat holds %d at most; remove some",
			len(s.Probes), MaxMonitored))
	}
	names := map[string]bool{}
	for i, p := range s.Probes {
		if p.Name == "" || names[p.Name] {
			errs = append(errs, fmt.Errorf("probes[%d].name: %q is empty, or another probe has it; choose another", i, p.Name))
		}
		names[p.Name] = true
		if !slices.ContainsFunc(s.Networks, func(n Network) bool { return n.Interface == p.Interface }) {
			errs = append(errs, fmt.Errorf("probes[%d].interface: %q is not in networks[].interface; name one of those",
				i, p.Interface))
		}
		for _, err := range p.validate() {
			errs = append(errs, fmt.Errorf("probes[%d].%w", i, err))
		}
	}
	return errs
}

func (p Probe) validate() []error {
	errs := collect(
		within("intervalMilliseconds", p.IntervalMilliseconds, MinProbeIntervalMilliseconds, MaxProbeIntervalMilliseconds),
		within("timeoutMilliseconds", p.TimeoutMilliseconds, MinProbeTimeoutMilliseconds, MaxProbeTimeoutMilliseconds),
		within("failureThreshold", p.FailureThreshold, MinProbeThreshold, MaxProbeThreshold),
		within("successThreshold", p.SuccessThreshold, MinProbeThreshold, MaxProbeThreshold),
	)
	if p.TimeoutMilliseconds >= p.IntervalMilliseconds {
		errs = append(errs, fmt.Errorf("timeoutMilliseconds: %d must be less than intervalMilliseconds %d; lower it",
			p.TimeoutMilliseconds, p.IntervalMilliseconds))
	}
	if h := p.Host; !h.IsValid() || h.Zone() != "" || !h.IsGlobalUnicast() && !h.IsLinkLocalUnicast() {
		errs = append(errs, fmt.Errorf("host: %q is not the unicast address of another host, without a zone; set one", h))
	}
	switch p.Type {
	case ProbeICMP:
		if p.Port != 0 {
			errs = append(errs, fmt.Errorf("port: %s has no port; leave it out", p.Type))
		}
	case ProbeTCP, ProbeHTTP:
		if p.Port == 0 {
			errs = append(errs, fmt.Errorf("port: %s needs a port; set it", p.Type))
		}
	default:
		errs = append(errs, fmt.Errorf("type: %q is unknown; it must be %s, %s or %s",
			string(p.Type), ProbeICMP, ProbeTCP, ProbeHTTP))
	}
	if http := p.Type == ProbeHTTP; http != strings.HasPrefix(p.Path, "/") || !http && p.Path != "" {
		errs = append(errs, fmt.Errorf("path: %q is wrong; HTTP needs a path that begins with '/', and other types have none",
			p.Path))
	}
	return errs
}
