package document

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// WAN is how new connections are distributed over several links to the Internet.
type WAN struct {
	// Distribution is PerConnection if it is empty.
	Distribution Distribution `json:"distribution,omitempty"`
	Links        []WANLink    `json:"links"`
}

// IsEnabled reports whether there are links.
func (w WAN) IsEnabled() bool { return len(w.Links) > 0 }

// HasGateway reports whether a link has a gateway of a family.
func (w WAN) HasGateway(family Families) bool {
	return slices.ContainsFunc(w.Links, func(l WANLink) bool { return l.Gateway(family).IsValid() })
}

// Distribution is what chooses one of several links.
type Distribution string

// The distributions.
const (
	// PerConnection gives each new connection the next link.
	PerConnection Distribution = "PerConnection"
	// PerSource gives all connections of a host the same link, as long as the link is up.
	PerSource Distribution = "PerSource"
)

func (Distribution) known() []string { return []string{string(PerConnection), string(PerSource)} }

// WANLink is a link to the Internet.
type WANLink struct {
	Name string `json:"name"`
	// Interface is an interface of a zone.
	Interface string `json:"interface"`
	// Gateways are the routers of the link, at most one of each family. The link carries no packets of other families.
	Gateways []netip.Addr `json:"gateways"`
	// Weight is the share of the link in new connections; 0 is 1.
	Weight uint16 `json:"weight,omitempty"`
	// Backup keeps connections from the link while a link without Backup is up.
	Backup bool `json:"backup,omitempty"`
	// Monitors are hosts that are reached by the link. It is up while one of them answers. Without them, it is up while
	// its interface has a carrier.
	Monitors []WANMonitor `json:"monitors,omitempty"`
	// These say how the monitors are probed. A value of 0 is the default.
	IntervalMilliseconds uint16 `json:"intervalMilliseconds,omitempty"`
	TimeoutMilliseconds  uint16 `json:"timeoutMilliseconds,omitempty"`
	FailureThreshold     uint16 `json:"failureThreshold,omitempty"`
	SuccessThreshold     uint16 `json:"successThreshold,omitempty"`
}

// WANMonitor is a host that is reached by a link.
type WANMonitor struct {
	// Type is how the host is probed; ICMP if it is empty.
	Type WANMonitorType `json:"type,omitempty"`
	Host netip.Addr     `json:"host"`
	// Port belongs to type TCP.
	Port uint16 `json:"port,omitempty"`
}

// WANMonitorType is how a monitor is probed.
type WANMonitorType string

// The types of monitors.
const (
	// WANMonitorICMP sends an echo request.
	WANMonitorICMP WANMonitorType = "ICMP"
	// WANMonitorTCP opens a TCP connection.
	WANMonitorTCP WANMonitorType = "TCP"
)

func (WANMonitorType) known() []string {
	return []string{string(WANMonitorICMP), string(WANMonitorTCP)}
}

// Defaults of a link.
const (
	defaultLinkWeight       = 1
	defaultLinkInterval     = time.Second
	defaultLinkTimeout      = 500 * time.Millisecond
	defaultFailureThreshold = 3
	defaultSuccessThreshold = 2
)

// EffectiveWeight returns the weight with its default.
func (l WANLink) EffectiveWeight() int { return int(cmp.Or(l.Weight, defaultLinkWeight)) }

// Interval returns the time between two probes of a monitor.
func (l WANLink) Interval() time.Duration {
	return cmp.Or(time.Duration(l.IntervalMilliseconds)*time.Millisecond, defaultLinkInterval)
}

// Timeout returns how long a probe waits for its answer.
func (l WANLink) Timeout() time.Duration {
	return cmp.Or(time.Duration(l.TimeoutMilliseconds)*time.Millisecond, defaultLinkTimeout)
}

// Failures returns how many probes in a row must fail before a monitor counts as not reached.
func (l WANLink) Failures() int { return int(cmp.Or(l.FailureThreshold, defaultFailureThreshold)) }

// Successes returns how many probes in a row must succeed before a monitor counts as reached.
func (l WANLink) Successes() int { return int(cmp.Or(l.SuccessThreshold, defaultSuccessThreshold)) }

// Gateway returns the router of a family. It is not valid if the link has none.
func (l WANLink) Gateway(family Families) netip.Addr {
	for _, g := range l.Gateways {
		if familyOf(g) == family {
			return g
		}
	}
	return netip.Addr{}
}

// EffectiveType returns the type with its default.
func (m WANMonitor) EffectiveType() WANMonitorType { return cmp.Or(m.Type, WANMonitorICMP) }
