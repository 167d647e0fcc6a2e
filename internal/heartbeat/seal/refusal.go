package seal

import "fmt"

// Refusal is why a datagram is not taken.
type Refusal uint8

// The refusals, in the order in which a datagram is looked at.
const (
	// Taken is none.
	Taken Refusal = iota
	// RefusedSize: it is shorter or longer than what the peer sends.
	RefusedSize
	// RefusedVersion: it is in a format that this program does not know.
	RefusedVersion
	// RefusedKey: it is under a key that this unit does not have, or no longer.
	RefusedKey
	// RefusedReplay: it was taken before, or is so late that nobody knows.
	RefusedReplay
	// RefusedSeal: it is not what the holder of the key sealed.
	RefusedSeal
	// RefusedContent: the peer sealed what this program cannot read.
	RefusedContent
)

var refusals = [...]string{"Taken", "Size", "Version", "Key", "Replay", "Seal", "Content"}

// Refusals are all there are.
func Refusals() []Refusal {
	return []Refusal{RefusedSize, RefusedVersion, RefusedKey, RefusedReplay, RefusedSeal, RefusedContent}
}

// String is the refusal's name in metrics and logs.
func (r Refusal) String() string {
	if int(r) < len(refusals) {
		return refusals[r]
	}
	return fmt.Sprintf("Refusal(%d)", uint8(r))
}
