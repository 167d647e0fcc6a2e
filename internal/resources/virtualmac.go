package resources

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// locallyAdministered is the first octet of derived MAC addresses: unicast and locally administered (RFC 9542).
const locallyAdministered = 0x02

// virtualMAC returns the MAC address of the active unit's interface, or "" if each unit keeps its own. A derived
// address stays the same for the life of the pair. It differs between networks and between pairs, also between the
// pairs of two clusters on one segment.
func virtualMAC(pair *v1alpha1.HAPair, network v1alpha1.NetworkSpec) string {
	switch network.VirtualMAC.Type {
	case v1alpha1.VirtualMACAuto:
		hash := sha256.Sum256([]byte(string(pair.UID) + "/" + network.Name))
		return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x",
			locallyAdministered, hash[0], hash[1], hash[2], hash[3], hash[4])
	case v1alpha1.VirtualMACStatic:
		return strings.ToLower(network.VirtualMAC.Address)
	case v1alpha1.VirtualMACNone:
		return ""
	default: // a pair that the API server did not default
		return ""
	}
}
