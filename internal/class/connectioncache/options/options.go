// Package options defines the options of class ConnectionCache. Their JSON has the names of
// SyncPolicy.spec.classes[].connectionCache, and travels in the settings of a unit.
//
// The package is PURE. The operator and the unit validate options with the same function, so that a unit accepts
// whatever the operator has accepted.
package options

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

const (
	// MaxExcludedNetworks bounds ExcludedNetworks, which are compared with every connection.
	MaxExcludedNetworks = 64
	// MaxMinimumAgeSeconds bounds MinimumAgeSeconds.
	MaxMinimumAgeSeconds = 60
)

// Options narrow which connections are replicated. The zero value replicates all.
type Options struct {
	// Protocols are the names of the protocols that are replicated; all if empty.
	Protocols []string `json:"protocols,omitempty"`
	// ExcludedNetworks are address blocks. A connection from or to one of them is not replicated.
	ExcludedNetworks []netip.Prefix `json:"excludedNetworks,omitempty"`
	// TCPStates are the names of the states in which TCP connections are replicated; all if empty.
	TCPStates []string `json:"tcpStates,omitempty"`
	// MinimumAgeSeconds is the age from which a connection is replicated; 0 replicates at once.
	MinimumAgeSeconds int32 `json:"minimumAgeSeconds,omitempty"`
}

// protocols maps the names of protocols to their numbers in the IANA registry of assigned Internet protocol numbers.
var protocols = map[string]uint8{"GRE": 47, "ICMP": 1, "ICMPv6": 58, "SCTP": 132, "TCP": 6, "UDP": 17}

// tcpStates maps the names of TCP states to their numbers in the kernel's enum tcp_conntrack.
var tcpStates = map[string]uint8{
	"SynSent": 1, "SynReceived": 2, "Established": 3, "FinWait": 4, "CloseWait": 5, "LastAck": 6, "TimeWait": 7,
	"Close": 8, "SimultaneousOpen": 9,
}

// Parse decodes and validates options. An empty document has the zero value. Unknown fields are ignored: an operator of
// a later release may write them. Lists are returned sorted, because their order has no meaning.
func Parse(document []byte) (Options, error) {
	var o Options
	if len(document) == 0 {
		return o, nil
	}
	if err := json.Unmarshal(document, &o); err != nil {
		return Options{}, err
	}
	if err := o.Validate(); err != nil {
		return Options{}, err
	}
	slices.Sort(o.Protocols)
	slices.Sort(o.TCPStates)
	slices.SortFunc(o.ExcludedNetworks, netip.Prefix.Compare)
	return o, nil
}

// Normalize validates the JSON of options, and returns it with sorted lists.
func Normalize(document []byte) (json.RawMessage, error) {
	o, err := Parse(document)
	if err != nil {
		return nil, err
	}
	return json.Marshal(o)
}

// Validate returns an error for each field that is wrong. Each begins with the path of its field.
func (o Options) Validate() error {
	var errs []error
	errs = append(errs, known("protocols", "protocol", o.Protocols, protocols)...)
	errs = append(errs, known("tcpStates", "TCP state", o.TCPStates, tcpStates)...)
	if n := len(o.ExcludedNetworks); n > MaxExcludedNetworks {
		errs = append(errs, fmt.Errorf("excludedNetworks: %d networks, at most %d are allowed", n, MaxExcludedNetworks))
	}
	for i, network := range o.ExcludedNetworks {
		if !network.IsValid() {
			errs = append(errs, fmt.Errorf("excludedNetworks[%d]: not an address block, as in 192.0.2.0/24", i))
		}
	}
	if age := o.MinimumAgeSeconds; age < 0 || age > MaxMinimumAgeSeconds {
		errs = append(errs, fmt.Errorf("minimumAgeSeconds: %d is not between 0 and %d", age, MaxMinimumAgeSeconds))
	}
	return errors.Join(errs...)
}

// known returns an error for each name that is not a key of numbers.
func known(field, kind string, names []string, numbers map[string]uint8) (errs []error) {
	for i, name := range names {
		if _, ok := numbers[name]; !ok {
			errs = append(errs, fmt.Errorf("%s[%d]: unknown %s %q; known: %s",
				field, i, kind, name, strings.Join(sortedNames(numbers), ", ")))
		}
	}
	return errs
}

// ProtocolNumbers returns the IANA numbers of Protocols.
func (o Options) ProtocolNumbers() []uint8 { return lookup(o.Protocols, protocols) }

// TCPStateNumbers returns the kernel's numbers of TCPStates.
func (o Options) TCPStateNumbers() []uint8 { return lookup(o.TCPStates, tcpStates) }

// MinimumAge returns MinimumAgeSeconds as a duration.
func (o Options) MinimumAge() time.Duration { return time.Duration(o.MinimumAgeSeconds) * time.Second }

// ProtocolNames returns the names that Protocols may have, sorted.
func ProtocolNames() []string { return sortedNames(protocols) }

// TCPStateNames returns the names that TCPStates may have, sorted.
func TCPStateNames() []string { return sortedNames(tcpStates) }

func lookup(names []string, numbers map[string]uint8) []uint8 {
	found := make([]uint8, 0, len(names))
	for _, name := range names {
		found = append(found, numbers[name])
	}
	return found
}

func sortedNames(numbers map[string]uint8) []string { return slices.Sorted(maps.Keys(numbers)) }
