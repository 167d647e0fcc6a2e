package delivery

// choose returns the document that the firewall should enforce, or nil if the unit has no document yet.
//
// The active prefers the operator's document, which is the newest, even right after a takeover. A standby prefers the
// document that it received from the active, or that it enforced itself when it was active.
//
// Each takes the other document if its own is missing. A standby has received nothing while it is new or alone, or
// while its peer does not replicate documents. A unit with any document never stays without rules.
func choose(active bool, given, received []byte) []byte {
	first, second := received, given
	if active {
		first, second = given, received
	}
	if first != nil {
		return first
	}
	return second
}
