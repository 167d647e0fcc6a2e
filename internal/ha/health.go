package ha

import "math/bits"

// Health is what a unit's monitors report. It is only compared with the peer's health: a switchover cannot fix a fault
// that both units have.
type Health struct {
	// Firewall is set while the firewall reports a ruleset in force.
	Firewall bool
	// Links has a bit for each traffic interface, in the order of the settings. It is set while the interface has a
	// carrier.
	Links uint16
	// Unheld has a bit for each network, set while the unit could not hold all of its virtual addresses. A unit that is
	// not active sets it where it knows that. All bits are set while routes of the firewall's document are missing.
	Unheld uint16
	// Probes has a bit for each target, in the order of the settings, set while the target answers. Judged is set where
	// the unit knows: a unit without an address of its own on a segment cannot probe from there.
	Probes, Judged uint16
}

// isBetterThan reports whether a unit of this health would serve the traffic better than one of the other. It compares
// the firewall first, then the interfaces, then the virtual addresses, then the targets that both units judged and only
// one of them reaches.
func (h Health) isBetterThan(other Health) bool {
	switch {
	case h.Firewall != other.Firewall:
		return h.Firewall
	case bits.OnesCount16(h.Links) != bits.OnesCount16(other.Links):
		return bits.OnesCount16(h.Links) > bits.OnesCount16(other.Links)
	case bits.OnesCount16(h.Unheld) != bits.OnesCount16(other.Unheld):
		return bits.OnesCount16(h.Unheld) < bits.OnesCount16(other.Unheld)
	default:
		both := h.Judged & other.Judged
		return bits.OnesCount16(both&h.Probes&^other.Probes) > bits.OnesCount16(both&other.Probes&^h.Probes)
	}
}
