package document

import (
	"net/netip"
	"time"
)

// DNS is which names the unit looks up for which hosts.
type DNS struct {
	Listeners []DNSListener `json:"listeners"`
	// Upstreams are asked in this order until one answers.
	Upstreams []DNSUpstream `json:"upstreams"`
	// Forwarding has servers of their own for some domains.
	Forwarding []DNSForwarding `json:"forwarding,omitempty"`
	// LocalDomains are never forwarded: a name in them that is not known here does not exist.
	LocalDomains []string    `json:"localDomains,omitempty"`
	Records      []DNSRecord `json:"records,omitempty"`
	// LeaseNames is whether hosts with a DHCP lease are known by their names; Enabled if empty.
	LeaseNames Choice `json:"leaseNames,omitempty"`
	// RandomCase is whether questions to upstreams are spelled at random; Disabled if empty.
	RandomCase Choice   `json:"randomCase,omitempty"`
	Cache      DNSCache `json:"cache,omitzero"`
}

// IsEnabled reports whether the unit answers questions.
func (d DNS) IsEnabled() bool { return len(d.Listeners) > 0 }

// HasLeaseNames reports whether hosts with a DHCP lease are known by their names.
func (d DNS) HasLeaseNames() bool { return d.LeaseNames != ChoiceDisabled }

// DNSListener is an address at which the unit answers.
type DNSListener struct {
	// Interface is an interface of a zone.
	Interface string `json:"interface"`
	// Address is a virtual address of the interface.
	Address netip.Addr `json:"address"`
	// Clients are the only hosts that are answered.
	Clients []netip.Prefix `json:"clients"`
}

// DNSUpstream is a server that is asked.
type DNSUpstream struct {
	Address netip.Addr `json:"address"`
	// Port is 53 if it is 0.
	Port uint16 `json:"port,omitempty"`
	// Protocol is UDP if it is empty. A truncated answer is asked for again by TCP.
	Protocol DNSProtocol `json:"protocol,omitempty"`
	// Source is the virtual address to ask from. Without it, the kernel chooses one of the interface.
	Source netip.Addr `json:"source,omitzero"`
	// TimeoutMilliseconds is how long the server has for an answer; 0 is a second.
	TimeoutMilliseconds uint16 `json:"timeoutMilliseconds,omitempty"`
}

// PortDNS is the port of DNS servers.
const PortDNS = 53

// The values that hold where the document does not tell.
const (
	defaultUpstreamTimeout = time.Second
	defaultCacheEntries    = 10000
	defaultCacheMax        = 24 * time.Hour
	defaultCacheNegative   = 15 * time.Minute
)

// AddrPort returns where the server is asked.
func (u DNSUpstream) AddrPort() netip.AddrPort {
	if u.Port == 0 {
		return netip.AddrPortFrom(u.Address, PortDNS)
	}
	return netip.AddrPortFrom(u.Address, u.Port)
}

// Timeout returns how long the server has for an answer.
func (u DNSUpstream) Timeout() time.Duration {
	if u.TimeoutMilliseconds == 0 {
		return defaultUpstreamTimeout
	}
	return time.Duration(u.TimeoutMilliseconds) * time.Millisecond
}

// DNSForwarding is which servers are asked for the names of some domains.
type DNSForwarding struct {
	Domains   []string      `json:"domains"`
	Upstreams []DNSUpstream `json:"upstreams"`
}

// DNSRecord is a name that the unit knows. It has either addresses or an alias.
type DNSRecord struct {
	Name      string       `json:"name"`
	Addresses []netip.Addr `json:"addresses,omitempty"`
	// Alias is the name that this one stands for (CNAME).
	Alias string `json:"alias,omitempty"`
}

// DNSCache is how long answers are used again.
type DNSCache struct {
	// Entries is how many answers are kept; 0 is 10,000.
	Entries uint32 `json:"entries,omitempty"`
	// MinSeconds and MaxSeconds bound the lifetimes of answers; 0 is no lower bound, and a day.
	MinSeconds uint32 `json:"minSeconds,omitempty"`
	MaxSeconds uint32 `json:"maxSeconds,omitempty"`
	// NegativeSeconds bounds how long a name is known not to exist; 0 is 15 minutes.
	NegativeSeconds uint32 `json:"negativeSeconds,omitempty"`
}

// Size returns how many answers are kept.
func (c DNSCache) Size() int {
	if c.Entries == 0 {
		return defaultCacheEntries
	}
	return int(c.Entries)
}

// Min returns the least lifetime of an answer.
func (c DNSCache) Min() time.Duration { return secondsOr(c.MinSeconds, 0) }

// Max returns the greatest lifetime of an answer.
func (c DNSCache) Max() time.Duration { return max(secondsOr(c.MaxSeconds, defaultCacheMax), c.Min()) }

// Negative returns how long a name is known not to exist, at most.
func (c DNSCache) Negative() time.Duration { return secondsOr(c.NegativeSeconds, defaultCacheNegative) }

// DNSProtocol is how a server is asked.
type DNSProtocol string

// The protocols.
const (
	DNSOverUDP DNSProtocol = "UDP"
	DNSOverTCP DNSProtocol = "TCP"
)

func (DNSProtocol) known() []string { return []string{string(DNSOverUDP), string(DNSOverTCP)} }

// Choice is whether something is done.
type Choice string

// The choices.
const (
	ChoiceEnabled  Choice = "Enabled"
	ChoiceDisabled Choice = "Disabled"
)

func (Choice) known() []string { return []string{string(ChoiceEnabled), string(ChoiceDisabled)} }
