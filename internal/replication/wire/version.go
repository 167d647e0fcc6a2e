package wire

import "fmt"

// Version is the newest version of the protocol that this program supports, OldestVersion the oldest. Since version 4
// an Ack carries how long it was held, and a snapshot may cover a part of a class. Since version 5 the units announce
// their own addresses. No release supports an older version. From the first release on, a unit supports the versions of
// the releases directly before and after its own.
const (
	Version       uint16 = 5
	OldestVersion uint16 = 4
)

// Agree returns the newest version that both units support.
func Agree(a, b *Hello) (uint16, error) {
	version := min(a.Version, b.Version)
	if version < a.OldestVersion || version < b.OldestVersion {
		return 0, fmt.Errorf(
			"no common version of the replication protocol: unit %s supports %d to %d, unit %s supports %d to %d",
			a.Unit, a.OldestVersion, a.Version, b.Unit, b.OldestVersion, b.Version)
	}
	return version, nil
}
