package contract

import "net/netip"

// Settings is what a sidecar needs to know of its pair. Both units have the same.
type Settings struct {
	// Pair and Namespace name the HAPair.
	Pair      string `json:"pair"`
	Namespace string `json:"namespace"`
	// Failover is how the units decide about a failover. Its fields are in the same JSON object.
	Failover
	// Probes are the targets that both units monitor.
	Probes []Probe `json:"probes,omitempty"`
	// Networks are the interfaces that carry traffic, with the virtual addresses of each.
	Networks []Network `json:"networks"`
	// ThirdPartyFirewall is set if the firewall has an image of its own. The sidecar then believes what it reports, since
	// it cannot know its rules.
	ThirdPartyFirewall bool `json:"thirdPartyFirewall,omitempty"`
	// VPN is set if the units have an IKE daemon.
	VPN bool `json:"vpn,omitempty"`
	// DynamicRouting is set if the units have routing daemons.
	DynamicRouting bool `json:"dynamicRouting,omitempty"`
	// Providers are the processes that publish state over sockets of their own.
	Providers []Provider `json:"providers,omitempty"`
	// Sync is what is replicated.
	Sync Sync `json:"sync"`
}

// Network is one traffic interface of the unit.
type Network struct {
	Interface        string         `json:"interface"`
	VirtualAddresses []netip.Prefix `json:"virtualAddresses"`
	// VirtualMAC is the MAC address of the active unit's interface; empty if each unit keeps its own.
	VirtualMAC string `json:"virtualMAC,omitempty"`
}

// Fixed returns the settings that a unit cannot change while it runs: all but the bounds of the stream.
func (s Settings) Fixed() Settings {
	s.Sync.RecordsPerSecond, s.Sync.KilobitsPerSecond = 0, 0
	return s
}
