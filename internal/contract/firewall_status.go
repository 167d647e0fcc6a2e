package contract

import (
	"encoding/json"
	"fmt"
)

// FirewallStatus is what the firewall's container writes to FirewallStatusFile. It replaces the file by a rename, so
// that a reader never sees half of it. Together with FirewallFile, it is the whole contract between a firewall and the
// sidecar.
type FirewallStatus struct {
	// Hash is the SHA-256 of the document in force, in hexadecimal; empty until there is one.
	Hash string `json:"hash"`
	// RefusedHash and Error describe the last document if it was refused; empty if it was applied.
	RefusedHash string `json:"refusedHash,omitempty"`
	Error       string `json:"error,omitempty"`
	// RoutingError describes the routes and neighbours of the document in force that the kernel does not have, and why;
	// empty if it has all of them.
	RoutingError string `json:"routingError,omitempty"`
	// HelperError describes the services of the document in force whose connection tracking helper the kernel does not
	// have; empty if it has all of them.
	HelperError string `json:"helperError,omitempty"`
}

// ParseFirewallStatus decodes a status. It ignores fields that this release does not know: an image of a third party
// may report more.
func ParseFirewallStatus(document []byte) (FirewallStatus, error) {
	var s FirewallStatus
	if err := json.Unmarshal(document, &s); err != nil {
		return FirewallStatus{}, fmt.Errorf("decoding the status of the firewall: %w", err)
	}
	return s, nil
}
