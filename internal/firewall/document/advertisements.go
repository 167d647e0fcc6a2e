package document

import (
	"net/netip"
	"time"
)

// RouterAdvertisements is on which networks the unit sends router advertisements.
type RouterAdvertisements struct {
	Networks []AdvertisedNetwork `json:"networks"`
}

// AdvertisedNetwork is a network whose hosts get router advertisements.
type AdvertisedNetwork struct {
	// Interface is an interface of a zone.
	Interface string `json:"interface"`
	// Address is the virtual link-local address from which they are sent.
	Address netip.Addr `json:"address"`
	// DefaultRouter is whether hosts use the unit as default router; Enabled if empty.
	DefaultRouter Advertised `json:"defaultRouter,omitempty"`
	// Preference is that of the default router; Medium if empty.
	Preference RouterPreference `json:"preference,omitempty"`
	// LifetimeSeconds is how long hosts use the default router; 0 is three times the interval.
	LifetimeSeconds uint16 `json:"lifetimeSeconds,omitempty"`
	// IntervalSeconds is the longest time between two advertisements; 0 is 600.
	IntervalSeconds uint16 `json:"intervalSeconds,omitempty"`
	// Managed and OtherConfiguration send hosts to DHCPv6.
	Managed            bool `json:"managed,omitempty"`
	OtherConfiguration bool `json:"otherConfiguration,omitempty"`
	// MTU is that of the link; 0 leaves it out.
	MTU           uint16             `json:"mtu,omitempty"`
	Prefixes      []AdvertisedPrefix `json:"prefixes,omitempty"`
	DNSServers    []netip.Addr       `json:"dnsServers,omitempty"`
	SearchDomains []string           `json:"searchDomains,omitempty"`
}

// AdvertisedPrefix is a prefix of a link.
type AdvertisedPrefix struct {
	Prefix netip.Prefix `json:"prefix"`
	// OnLink and Autonomous are flags for hosts; Enabled if empty.
	OnLink     Advertised `json:"onLink,omitempty"`
	Autonomous Advertised `json:"autonomous,omitempty"`
	// ValidSeconds is how long hosts may use the prefix, and PreferredSeconds how long they prefer it; 0 is a default.
	ValidSeconds     uint32 `json:"validSeconds,omitempty"`
	PreferredSeconds uint32 `json:"preferredSeconds,omitempty"`
}

// The values that hold where the document does not tell (RFC 4861, section 6.2.1).
const (
	defaultInterval  = 600 * time.Second
	defaultValid     = 2592000 * time.Second
	defaultPreferred = 604800 * time.Second
	// lifetimeFactor is how many intervals hosts use the default router and DNS servers (RFC 8106, section 5.1).
	lifetimeFactor = 3
)

// Interval returns the longest time between two advertisements.
func (n AdvertisedNetwork) Interval() time.Duration {
	return secondsOr(uint32(n.IntervalSeconds), defaultInterval)
}

// RouterLifetime returns how long hosts use the unit as default router; zero if they do not.
func (n AdvertisedNetwork) RouterLifetime() time.Duration {
	if n.DefaultRouter == AdvertisedDisabled {
		return 0
	}
	return secondsOr(uint32(n.LifetimeSeconds), min(lifetimeFactor*n.Interval(), maxRouterSeconds*time.Second))
}

// DNSLifetime returns how long hosts use the DNS servers and search domains.
func (n AdvertisedNetwork) DNSLifetime() time.Duration { return lifetimeFactor * n.Interval() }

// IsOnLink reports whether hosts send directly to each other in the prefix.
func (p AdvertisedPrefix) IsOnLink() bool { return p.OnLink != AdvertisedDisabled }

// IsAutonomous reports whether hosts make addresses in the prefix.
func (p AdvertisedPrefix) IsAutonomous() bool { return p.Autonomous != AdvertisedDisabled }

// Valid returns how long hosts may use the prefix.
func (p AdvertisedPrefix) Valid() time.Duration { return secondsOr(p.ValidSeconds, defaultValid) }

// Preferred returns how long hosts begin connections from addresses in the prefix.
func (p AdvertisedPrefix) Preferred() time.Duration {
	return secondsOr(p.PreferredSeconds, min(defaultPreferred, p.Valid()))
}

func secondsOr(seconds uint32, otherwise time.Duration) time.Duration {
	if seconds == 0 {
		return otherwise
	}
	return time.Duration(seconds) * time.Second
}

// Advertised is whether advertisements have a flag that is usual.
type Advertised string

// The choices.
const (
	AdvertisedEnabled  Advertised = "Enabled"
	AdvertisedDisabled Advertised = "Disabled"
)

func (Advertised) known() []string {
	return []string{string(AdvertisedEnabled), string(AdvertisedDisabled)}
}

// RouterPreference is the preference of a default router (RFC 4191).
type RouterPreference string

// The preferences.
const (
	PreferenceHigh   RouterPreference = "High"
	PreferenceMedium RouterPreference = "Medium"
	PreferenceLow    RouterPreference = "Low"
)

func (RouterPreference) known() []string {
	return []string{string(PreferenceHigh), string(PreferenceMedium), string(PreferenceLow)}
}
