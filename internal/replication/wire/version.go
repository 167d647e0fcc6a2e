package wire

import "fmt"

// The versions of the protocol that this program speaks.
const (
	Version       uint16 = 2
	OldestVersion uint16 = 1
)

// SequencedGrant is the first version in which a Grant may have a sequence. A unit of an older one would take such a
// frame for a broken one.
const SequencedGrant uint16 = 2

// Agree is the newest version that both speakers know.
func Agree(a, b *Hello) (uint16, error) {
	version := min(a.Version, b.Version)
	if version < a.OldestVersion || version < b.OldestVersion {
		return 0, fmt.Errorf("no common version of the replication protocol: %s speaks %d to %d, %s %d to %d",
			a.Unit, a.OldestVersion, a.Version, b.Unit, b.OldestVersion, b.Version)
	}
	return version, nil
}
