package contract

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/state"
)

const (
	// graceMilliseconds is what a grant must have beyond the detection: a right that ends before its holder can notice
	// that it is not renewed ends for nothing.
	graceMilliseconds = 20
	// maxMonitored bounds networks and probes, each of which is one bit in a heartbeat.
	maxMonitored = 16
)

// Detection is how long a unit may be silent before it counts as lost.
func (s Sidecar) Detection() time.Duration {
	return time.Duration(s.HeartbeatIntervalMilliseconds) * time.Duration(s.MissedHeartbeats) * time.Millisecond
}

// Grant is GrantMilliseconds as a duration.
func (s Sidecar) Grant() time.Duration {
	return time.Duration(s.GrantMilliseconds) * time.Millisecond
}

// validate checks what Parse decoded. Nothing has a default here: the operator wrote every field.
func (s Sidecar) validate() error {
	var errs []error
	if s.Pair == "" || s.Namespace == "" {
		errs = append(errs, errors.New("pair and namespace must be set"))
	}
	errs = append(errs, s.validateTimes()...)
	errs = append(errs, s.validateNetworks()...)
	errs = append(errs, s.validateProbes()...)
	for i, c := range s.Sync.Classes {
		if _, err := state.ParseClass(c); err != nil {
			errs = append(errs, fmt.Errorf("sync.classes[%d]: %w", i, err))
		}
	}
	for i, number := range s.Sync.TCPStates {
		if number == 0 || number > lastTCPState {
			errs = append(errs, fmt.Errorf("sync.tcpStates[%d] must be from 1 to %d", i, lastTCPState))
		}
	}
	errs = append(errs, collect(within("sync.minimumAgeSeconds", s.Sync.MinimumAgeSeconds, 0, 60))...)
	if s.Sync.RecordsPerSecond < 0 {
		errs = append(errs, errors.New("sync.recordsPerSecond must not be negative"))
	}
	if s.Sync.KilobitsPerSecond < 0 {
		errs = append(errs, errors.New("sync.kilobitsPerSecond must not be negative"))
	}
	return errors.Join(errs...)
}

// lastTCPState is the kernel's TCP_CONNTRACK_SYN_SENT2.
const lastTCPState = 9

func (s Sidecar) validateTimes() []error {
	errs := collect(
		within("leaseDurationSeconds", s.LeaseDurationSeconds, 2, 60),
		within("heartbeatIntervalMilliseconds", s.HeartbeatIntervalMilliseconds, 10, 1000),
		within("missedHeartbeats", s.MissedHeartbeats, 2, 10),
		within("healthDampingSeconds", s.HealthDampingSeconds, 1, 300),
	)
	if s.Preempt != nil {
		errs = append(errs, collect(within("preempt.delaySeconds", s.Preempt.DelaySeconds, 0, 86400))...)
	}
	if s.Isolation != IsolationFence && s.Isolation != IsolationKeepForwarding {
		errs = append(errs, fmt.Errorf("isolation: %q is unknown; it must be %s or %s",
			s.Isolation, IsolationFence, IsolationKeepForwarding))
	}
	if least := s.Detection() + graceMilliseconds*time.Millisecond; s.Grant() < least {
		errs = append(errs, fmt.Errorf("grantMilliseconds: %d is too short to notice a loss in; it must be at least %d, "+
			"which is heartbeatIntervalMilliseconds × missedHeartbeats + %d",
			s.GrantMilliseconds, least.Milliseconds(), graceMilliseconds))
	}
	if most := s.LeaseDuration() / 2; s.Grant() > most {
		errs = append(errs, fmt.Errorf("grantMilliseconds: %d is too long for leaseDurationSeconds %d; lower it to %d, "+
			"which is half of it, or less, or raise leaseDurationSeconds",
			s.GrantMilliseconds, s.LeaseDurationSeconds, most.Milliseconds()))
	}
	return errs
}

func (s Sidecar) validateNetworks() []error {
	var errs []error
	if len(s.Networks) == 0 || len(s.Networks) > maxMonitored {
		errs = append(errs, fmt.Errorf("networks: there are %d; at least 1 and at most %d are needed",
			len(s.Networks), maxMonitored))
	}
	interfaces, addresses := map[string]bool{}, map[string]bool{}
	for i, n := range s.Networks {
		switch {
		case n.Interface == "":
			errs = append(errs, fmt.Errorf("networks[%d].interface must be set", i))
		case interfaces[n.Interface]:
			errs = append(errs, fmt.Errorf("networks[%d].interface: %s is that of another network too; name each once",
				i, n.Interface))
		}
		interfaces[n.Interface] = true
		for j, a := range n.VirtualAddresses {
			if !a.IsValid() {
				errs = append(errs, fmt.Errorf("networks[%d].virtualAddresses[%d]: not an address with its prefix length", i, j))
			}
		}
		if n.VirtualMAC == "" {
			continue
		}
		normal, err := parseMAC(n.VirtualMAC)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("networks[%d].virtualMAC: %w", i, err))
		case addresses[normal]:
			errs = append(errs, fmt.Errorf("networks[%d].virtualMAC: %s is that of another network too; choose another",
				i, n.VirtualMAC))
		}
		addresses[normal] = true
	}
	return errs
}

func (s Sidecar) validateProbes() []error {
	var errs []error
	if len(s.Probes) > maxMonitored {
		errs = append(errs, fmt.Errorf("probes: there are %d, of which a heartbeat has room for %d; remove some",
			len(s.Probes), maxMonitored))
	}
	names := map[string]bool{}
	for i, p := range s.Probes {
		if p.Name == "" || names[p.Name] {
			errs = append(errs, fmt.Errorf("probes[%d].name: %q is empty or that of another probe; choose another", i, p.Name))
		}
		names[p.Name] = true
		known := slices.ContainsFunc(s.Networks, func(n Network) bool { return n.Interface == p.Interface })
		if !known {
			errs = append(errs, fmt.Errorf("probes[%d].interface: %q is none of networks[].interface; name one of those",
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
		within("intervalMilliseconds", p.IntervalMilliseconds, 100, 60_000),
		within("timeoutMilliseconds", p.TimeoutMilliseconds, 10, 30_000),
		within("failureThreshold", p.FailureThreshold, 1, 100),
		within("successThreshold", p.SuccessThreshold, 1, 100),
	)
	if p.TimeoutMilliseconds >= p.IntervalMilliseconds {
		errs = append(errs, fmt.Errorf("timeoutMilliseconds: %d must be less than intervalMilliseconds %d; lower it",
			p.TimeoutMilliseconds, p.IntervalMilliseconds))
	}
	if h := p.Host; !h.IsValid() || h.Zone() != "" || !h.IsGlobalUnicast() && !h.IsLinkLocalUnicast() {
		errs = append(errs, fmt.Errorf("host: %q is no unicast address of another host without a zone; give one", h))
	}
	switch p.Type {
	case ProbeICMP:
		if p.Port != 0 {
			errs = append(errs, fmt.Errorf("port: %s has none; leave it out", p.Type))
		}
	case ProbeTCP, ProbeHTTP:
		if p.Port == 0 {
			errs = append(errs, fmt.Errorf("port: %s needs one; set it", p.Type))
		}
	default:
		errs = append(errs, fmt.Errorf("type: %q is unknown; it must be %s, %s or %s",
			p.Type, ProbeICMP, ProbeTCP, ProbeHTTP))
	}
	if http := p.Type == ProbeHTTP; http != strings.HasPrefix(p.Path, "/") || !http && p.Path != "" {
		errs = append(errs, fmt.Errorf("path: %q is wrong; HTTP needs one that begins with '/', and nothing else has one",
			p.Path))
	}
	return errs
}

func within(field string, value, least, most int32) error {
	if value < least || value > most {
		return fmt.Errorf("%s: %d is not within %d and %d", field, value, least, most)
	}
	return nil
}

func collect(errs ...error) []error {
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// parseMAC checks a unicast MAC address in colon notation and returns it in the one spelling by which it is compared.
func parseMAC(text string) (string, error) {
	octets, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	switch {
	case err != nil, len(octets) != 6, len(text) != len("02:00:5e:10:00:01"), !colonsBetweenOctets(text):
		return "", fmt.Errorf("%q is no MAC address, as in 02:00:5e:10:00:01", text)
	case octets[0]&1 != 0:
		return "", fmt.Errorf("%q is a multicast address; choose one whose first octet is even", text)
	case !slices.ContainsFunc(octets, func(octet byte) bool { return octet != 0 }):
		return "", fmt.Errorf("%q is all zeros; choose another", text)
	}
	return strings.ToLower(text), nil
}

func colonsBetweenOctets(text string) bool {
	for i := 2; i < len(text); i += 3 {
		if text[i] != ':' {
			return false
		}
	}
	return true
}
