package contract

import "path"

// Paths in a unit's pod. The operator mounts them, and the programs of the pod open them.
const (
	// SidecarFile holds the settings, in the sidecar's container.
	SidecarFile = "/etc/hapair/sidecar/sidecar.json"
	// GivenFile holds the firewall document that the operator wrote, in the sidecar's container.
	GivenFile = "/etc/hapair/given/firewall.json"
	// FirewallFile holds the firewall document that is to be enforced. The sidecar writes it, and the firewall's container
	// mounts it read-only.
	FirewallFile = "/etc/hapair/firewall/firewall.json"
	// VPNSecretDirectory has the entries of the Secret of the pair's VPN, in the container vpn.
	VPNSecretDirectory = "/etc/hapair/vpn"
	// RoutingSecretDirectory has the entries of the Secret of the pair's dynamic routing, in the container routing.
	RoutingSecretDirectory = "/etc/hapair/routing"
	// FirewallStatusFile holds a FirewallStatus. The firewall writes it, and the sidecar reads it.
	FirewallStatusFile = "/run/hapair/firewall-status.json"
	// StateDirectory is where only the sidecar writes. It keeps what a restarted sidecar must know, such as the MAC
	// addresses that it must restore. It is in memory and ends with the pod.
	StateDirectory = "/run/hapair-sidecar"
	// TLSDirectory holds tls.crt, tls.key and ca.crt of the unit.
	TLSDirectory = "/etc/hapair/tls"
	// APIAccessDirectory holds the token, the authority and the namespace with which the sidecar reaches the API server.
	// Client libraries expect this path.
	APIAccessDirectory = "/var/run/secrets/kubernetes.io/serviceaccount"
	// ProviderSocket is the socket of the local API, in the container of a provider. Its directory is a volume that only
	// this provider and the sidecar mount.
	ProviderSocket = "/run/hapair/api/state.sock"
	// ProvidersDirectory has one directory for each provider, with its name, in the sidecar's container. It is the volume
	// that the provider mounts.
	ProvidersDirectory = "/run/hapair-providers"
	// MetricsTokenFile holds the bearer token that a scraper of the sidecar's metrics must send.
	MetricsTokenFile = "/etc/hapair/metrics/token"
)

// GatewayCountsFile returns the file with the counts of the application gateways. The firewall writes it next to its
// status, and the sidecar reads it.
func GatewayCountsFile(status string) string {
	return path.Join(path.Dir(status), "firewall-gateways.json")
}

// ProviderSocketInSidecar returns the path of a provider's socket in the sidecar's container.
func ProviderSocketInSidecar(provider string) string {
	return path.Join(ProvidersDirectory, provider, path.Base(ProviderSocket))
}

// Ports of a unit's pod.
const (
	// SyncPort is the TCP port of the replication stream, and the UDP port of the heartbeats.
	SyncPort = 7780
	// HealthPort is the TCP port of the sidecar's /healthz, /readyz and RolePath.
	HealthPort = 7781
	// MetricsPort is the TCP port of the sidecar's /metrics.
	MetricsPort = 7782
)

// RolePath is where the sidecar reports the unit's role, as in Active. It is served on HealthPort.
const RolePath = "/role"

// ReservedPorts returns the ports on which a unit's sidecar listens. No Service may point at them.
func ReservedPorts() []int32 { return []int32{SyncPort, HealthPort, MetricsPort} }
