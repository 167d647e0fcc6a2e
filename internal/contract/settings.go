// Package contract is the document that the operator hands each sidecar: which pair it belongs to, which addresses it
// may hold, how long a lease lasts, what is replicated. The operator writes it and the sidecar reads it, so both import
// this package, which does no I/O.
package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"
)

// Where the operator puts things in a unit's pod, and where the programs of the pod look for them.
const (
	// SidecarFile is the settings' path in the sidecar's container.
	SidecarFile = "/etc/hapair/sidecar/sidecar.json"
	// GivenFile is the operator's firewall document, in the sidecar's container.
	GivenFile = "/etc/hapair/given/firewall.json"
	// FirewallFile is where the sidecar hands the firewall its document: in both containers, and read-only in the
	// firewall's.
	FirewallFile = "/etc/hapair/firewall/firewall.json"
	// FirewallStatusFile is where the firewall reports, and the sidecar reads, what is in force.
	FirewallStatusFile = "/run/hapair/firewall-status.json"
	// StateDirectory is where the sidecar, and nothing else in the pod, may write: what a process that takes its place
	// has to know, such as what it must put back. It is in memory and goes with the pod.
	StateDirectory = "/run/hapair-sidecar"
	// TLSDirectory holds tls.crt, tls.key and ca.crt of the unit.
	TLSDirectory = "/etc/hapair/tls"
	// MetricsTokenFile has what a scraper of the sidecar's metrics must show.
	MetricsTokenFile = "/etc/hapair/metrics/token"
	// SyncPort is the TCP port of the replication stream, and the UDP port of the heartbeats.
	SyncPort = 7780
	// HealthPort is the TCP port of the sidecar's /healthz and /readyz.
	HealthPort = 7781
	// MetricsPort is the TCP port of the sidecar's /metrics.
	MetricsPort = 7782
)

// What an active does that neither its peer nor the API server answers.
const (
	IsolationFence          = "Fence"
	IsolationKeepForwarding = "KeepForwarding"
)

// How a probe asks its target.
const (
	ProbeICMP = "ICMP"
	ProbeTCP  = "TCP"
	ProbeHTTP = "HTTP"
)

// Sidecar is what a sidecar needs to know of its pair. Both units have the same.
type Sidecar struct {
	// Pair and Namespace name the HAPair.
	Pair      string `json:"pair"`
	Namespace string `json:"namespace"`
	// LeaseDurationSeconds is how long a permit of the witness lasts.
	LeaseDurationSeconds int32 `json:"leaseDurationSeconds"`
	// HeartbeatIntervalMilliseconds is how often the active sends a sign of life, MissedHeartbeats how many must be
	// missing in a row, GrantMilliseconds how long the standby's promise lasts not to become active.
	HeartbeatIntervalMilliseconds int32 `json:"heartbeatIntervalMilliseconds"`
	MissedHeartbeats              int32 `json:"missedHeartbeats"`
	GrantMilliseconds             int32 `json:"grantMilliseconds"`
	// Isolation is IsolationFence or IsolationKeepForwarding.
	Isolation string `json:"isolation"`
	// Preempt returns the role to the primary; it does not when nil.
	Preempt *Preempt `json:"preempt,omitempty"`
	// HealthDampingSeconds is how long the peer's health must have been the better one before a switchover for it.
	HealthDampingSeconds int32 `json:"healthDampingSeconds"`
	// Probes are the targets that both units watch.
	Probes []Probe `json:"probes,omitempty"`
	// Networks are the interfaces that carry traffic, with the virtual addresses of each.
	Networks []Network `json:"networks"`
	// Sync is what is replicated.
	Sync Sync `json:"sync"`
}

// Network is one traffic interface of the unit.
type Network struct {
	Interface        string         `json:"interface"`
	VirtualAddresses []netip.Prefix `json:"virtualAddresses"`
	// VirtualMAC is the address that the active's interface has; its own when empty.
	VirtualMAC string `json:"virtualMAC,omitempty"`
}

// Preempt is the way back to the primary.
type Preempt struct {
	// DelaySeconds is how long the primary must have been in sync and as healthy before.
	DelaySeconds int32 `json:"delaySeconds"`
}

// Probe is one target that a unit watches.
type Probe struct {
	Name string `json:"name"`
	// Type is ProbeICMP, ProbeTCP or ProbeHTTP.
	Type string     `json:"type"`
	Host netip.Addr `json:"host"`
	// Port is of TCP and HTTP, Path of HTTP.
	Port uint16 `json:"port,omitempty"`
	Path string `json:"path,omitempty"`
	// Interface is the traffic interface that it is sent from.
	Interface            string `json:"interface"`
	IntervalMilliseconds int32  `json:"intervalMilliseconds"`
	TimeoutMilliseconds  int32  `json:"timeoutMilliseconds"`
	// FailureThreshold probes in a row must fail, or SuccessThreshold succeed, before the verdict changes.
	FailureThreshold int32 `json:"failureThreshold"`
	SuccessThreshold int32 `json:"successThreshold"`
}

// Sync is what is replicated, and how fast.
type Sync struct {
	// Classes are the names of the classes that are replicated, sorted.
	Classes []string `json:"classes"`
	// Protocols are the IP protocol numbers of the connections that are replicated; all when empty.
	Protocols Numbers `json:"protocols,omitempty"`
	// ExcludedNetworks are blocks whose connections are not replicated.
	ExcludedNetworks []netip.Prefix `json:"excludedNetworks,omitempty"`
	// TCPStates are the states in which TCP connections are replicated, as the kernel numbers them (enum tcp_conntrack);
	// all when empty.
	TCPStates Numbers `json:"tcpStates,omitempty"`
	// MinimumAgeSeconds is how old a connection becomes before it is replicated.
	MinimumAgeSeconds int32 `json:"minimumAgeSeconds,omitempty"`
	// RecordsPerSecond and KilobitsPerSecond bound the stream; 0 is unbounded.
	RecordsPerSecond  int32 `json:"recordsPerSecond,omitempty"`
	KilobitsPerSecond int32 `json:"kilobitsPerSecond,omitempty"`
}

// MinimumAge is MinimumAgeSeconds as a duration.
func (s Sync) MinimumAge() time.Duration { return time.Duration(s.MinimumAgeSeconds) * time.Second }

// Fixed is what of the settings a unit cannot take while it runs: all but how fast state is sent.
func (s Sidecar) Fixed() Sidecar {
	s.Sync.RecordsPerSecond, s.Sync.KilobitsPerSecond = 0, 0
	return s
}

// Numbers are small ones.
type Numbers []uint8

// MarshalJSON writes a list of numbers. Without it they would be taken for bytes and written in base64, in a document
// that people read when they look for why a connection was not replicated.
func (n Numbers) MarshalJSON() ([]byte, error) {
	numbers := make([]int, 0, len(n))
	for _, number := range n {
		numbers = append(numbers, int(number))
	}
	return json.Marshal(numbers)
}

// LeaseDuration is LeaseDurationSeconds as a duration.
func (s Sidecar) LeaseDuration() time.Duration {
	return time.Duration(s.LeaseDurationSeconds) * time.Second
}

// Parse decodes and checks the document. Unknown fields are refused, so that a typing error is never a silent default.
func Parse(document []byte) (Sidecar, error) {
	var s Sidecar
	if err := decode(document, &s); err != nil {
		return Sidecar{}, fmt.Errorf("decoding sidecar settings: %w", err)
	}
	return s, s.validate()
}

// decode takes one document of known fields, and nothing after it.
func decode(document []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the document")
	}
	return nil
}
