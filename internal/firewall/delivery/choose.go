package delivery

// choose is the document that the firewall is to enforce, nil when there is none yet.
//
// An active takes what it was given: that is the operator's newest word, also for a unit that only just became active.
// Any other takes what it received, which is what the active enforces, or what it enforced itself when it was active
// last. While it has received nothing, since it is new, or alone, or its peer is of a release that does not replicate
// documents, it takes what it was given too: a unit is never left without a document that there is.
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
