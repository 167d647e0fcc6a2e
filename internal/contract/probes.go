package contract

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Probe is one target that a unit monitors.
type Probe struct {
	Name string     `json:"name"`
	Type ProbeType  `json:"type"`
	Host netip.Addr `json:"host"`
	// Port is set for TCP and HTTP, and Path for HTTP.
	Port uint16 `json:"port,omitempty"`
	Path string `json:"path,omitempty"`
	// Interface is the traffic interface from which the probe is sent.
	Interface            string `json:"interface"`
	IntervalMilliseconds int32  `json:"intervalMilliseconds"`
	TimeoutMilliseconds  int32  `json:"timeoutMilliseconds"`
	// FailureThreshold and SuccessThreshold are how many probes in a row must fail or succeed before the result changes.
	FailureThreshold int32 `json:"failureThreshold"`
	SuccessThreshold int32 `json:"successThreshold"`
}

// ProbeType is how a probe queries its target.
type ProbeType string

// The types of probes.
const (
	// ProbeICMP sends an ICMP echo request.
	ProbeICMP ProbeType = "ICMP"
	// ProbeTCP opens a TCP connection.
	ProbeTCP ProbeType = "TCP"
	// ProbeHTTP sends an HTTP request.
	ProbeHTTP ProbeType = "HTTP"
)

// ProbeTypes returns all types of probes.
func ProbeTypes() []ProbeType { return []ProbeType{ProbeICMP, ProbeTCP, ProbeHTTP} }

// Defaults and bounds of a probe.
const (
	DefaultProbeIntervalMilliseconds = 1000
	MinProbeIntervalMilliseconds     = 100
	MaxProbeIntervalMilliseconds     = 60_000

	DefaultProbeTimeoutMilliseconds = 500
	MinProbeTimeoutMilliseconds     = 10
	MaxProbeTimeoutMilliseconds     = 30_000

	DefaultProbeFailureThreshold = 3
	DefaultProbeSuccessThreshold = 2
	MinProbeThreshold            = 1
	MaxProbeThreshold            = 100

	DefaultHTTPPort = 80
	DefaultHTTPPath = "/"
)

// UnmarshalJSON reads a probe, and takes the default for each number that the document lacks.
func (p *Probe) UnmarshalJSON(text []byte) error {
	type plain Probe
	decoded := plain{
		IntervalMilliseconds: DefaultProbeIntervalMilliseconds,
		TimeoutMilliseconds:  DefaultProbeTimeoutMilliseconds,
		FailureThreshold:     DefaultProbeFailureThreshold,
		SuccessThreshold:     DefaultProbeSuccessThreshold,
	}
	err := json.Unmarshal(text, &decoded)
	*p = Probe(decoded)
	return err
}

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
		errs = append(errs, fmt.Errorf("type: %q is unknown; it must be %s", string(p.Type), oneOf(ProbeTypes())))
	}
	if http := p.Type == ProbeHTTP; http != strings.HasPrefix(p.Path, "/") || !http && p.Path != "" {
		errs = append(errs, fmt.Errorf("path: %q is wrong; HTTP needs a path that begins with '/', and other types have none",
			p.Path))
	} else if _, err := p.Location(); http && err != nil {
		errs = append(errs, fmt.Errorf("path: %w; correct it, as in /healthz", err))
	}
	return errs
}

// Location returns the URL that a probe of type HTTP requests.
func (p Probe) Location() (*url.URL, error) {
	location, err := url.ParseRequestURI(p.Path)
	if err != nil {
		return nil, fmt.Errorf("%q is no path of a URL: %w", p.Path, err)
	}
	location.Scheme, location.Host = "http", netip.AddrPortFrom(p.Host, p.Port).String()
	return location, nil
}
