package contract

// FirewallStatus is what the firewall's container reports in FirewallStatusFile, written by rename so that it is never
// read half. It is the whole contract between a firewall and the sidecar beside it.
type FirewallStatus struct {
	// Hash is the SHA-256, in hexadecimal, of the document in force; empty while none is.
	Hash string `json:"hash"`
	// RefusedHash and Error are of the last document that was refused; empty when the last one was applied.
	RefusedHash string `json:"refusedHash,omitempty"`
	Error       string `json:"error,omitempty"`
}
