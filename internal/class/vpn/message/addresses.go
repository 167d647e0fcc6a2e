package message

import "slices"

// Numbers of attributes (ha_message_attribute_t).
const (
	attributeRekeyed = 2
	attributeAddress = 12
)

// afterSA returns what follows the IKE SA in a message about one; empty for any other message.
func afterSA(datagram []byte) []byte {
	if len(datagram) < headerBytes {
		return nil
	}
	body := bodyOf(datagram)
	return body[min(1+len(SA{}), len(body)):]
}

// Rekeyed returns the IKE SA that the one of an AddIKE replaces with new keys. It reports whether there is one.
func Rekeyed(datagram []byte) (replaced SA, found bool) {
	rest := afterSA(datagram)
	if len(rest) < 1+len(replaced) || Type(datagram[1]) != AddIKE || rest[0] != attributeRekeyed {
		return SA{}, false
	}
	return SA(rest[1:]), true
}

// HasAddresses reports whether a message describes the addresses that a user got, and nothing else.
func HasAddresses(datagram []byte) bool {
	rest := afterSA(datagram)
	return len(rest) > 0 && Type(datagram[1]) == UpdateIKE && rest[0] == attributeAddress
}

// WithSA returns an UpdateIKE about another IKE SA.
func WithSA(update []byte, sa SA) []byte {
	changed := slices.Clone(update)
	copy(changed[headerBytes+1:], sa[:])
	return changed
}
