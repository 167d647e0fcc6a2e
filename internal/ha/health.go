package ha

import "math/bits"

// Health is what a unit's monitors say. It is compared with the peer's, and nothing else is done with it: a fault that
// both have is none that a switchover could mend.
type Health struct {
	// Firewall says that the firewall process reports a ruleset in force.
	Firewall bool
	// Links has a bit for each traffic interface, in the order of the settings: set while it has a carrier.
	Links uint16
	// Probes has a bit for each target, in the order of the settings: set while it answers. Judged is set where the unit
	// knows: a unit without an address of its own on a segment cannot probe from there.
	Probes, Judged uint16
}

// better tells whether a unit of this health would serve the traffic better than one of the other. What weighs most is
// compared first: a firewall that works, then the interfaces, then the targets that exactly one of the two reaches, of
// those that both have judged.
func (h Health) better(than Health) bool {
	switch {
	case h.Firewall != than.Firewall:
		return h.Firewall
	case bits.OnesCount16(h.Links) != bits.OnesCount16(than.Links):
		return bits.OnesCount16(h.Links) > bits.OnesCount16(than.Links)
	default:
		both := h.Judged & than.Judged
		return bits.OnesCount16(both&h.Probes&^than.Probes) > bits.OnesCount16(both&than.Probes&^h.Probes)
	}
}
