package wire

import "fmt"

// The versions of the protocol that this program speaks. Since 4 an acknowledgement tells how long it was
// held, and a snapshot may be of what differs alone. No release spoke an older one; from the first release on, a unit
// pairs with those one release older and newer.
const (
	Version       uint16 = 4
	OldestVersion uint16 = 4
)

// Agree is the newest version that both speakers know.
func Agree(a, b *Hello) (uint16, error) {
	version := min(a.Version, b.Version)
	if version < a.OldestVersion || version < b.OldestVersion {
		return 0, fmt.Errorf("no common version of the replication protocol: %s speaks %d to %d, %s %d to %d",
			a.Unit, a.OldestVersion, a.Version, b.Unit, b.OldestVersion, b.Version)
	}
	return version, nil
}
