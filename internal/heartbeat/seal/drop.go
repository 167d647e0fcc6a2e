package seal

import "fmt"

// DropReason is why a datagram is dropped.
type DropReason uint8

// The reasons, in the order in which a datagram is checked.
const (
	// Accepted means that the datagram is not dropped.
	Accepted DropReason = iota
	// DropSize: it is shorter or longer than what the peer sends.
	DropSize
	// DropVersion: it has a format that this program does not know.
	DropVersion
	// DropKey: it is sealed with a key that this unit does not have, or no longer.
	DropKey
	// DropReplay: it was accepted before, or is too late to know.
	DropReplay
	// DropSeal: it was not sealed by the holder of the key, or was changed since.
	DropSeal
	// DropContent: the peer sealed content that this program cannot decode.
	DropContent

	// DropReasons is the number of values of DropReason.
	DropReasons = int(DropContent) + 1
)

var dropReasons = [DropReasons]string{"Accepted", "Size", "Version", "Key", "Replay", "Seal", "Content"}

// AllDropReasons returns every reason for which a datagram is dropped.
func AllDropReasons() []DropReason {
	return []DropReason{DropSize, DropVersion, DropKey, DropReplay, DropSeal, DropContent}
}

// String returns the reason's name in metrics and logs.
func (r DropReason) String() string {
	if int(r) < len(dropReasons) {
		return dropReasons[r]
	}
	return fmt.Sprintf("DropReason(%d)", uint8(r))
}
