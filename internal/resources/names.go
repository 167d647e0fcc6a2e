package resources

import (
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// Keys within the objects that the units mount.
const (
	KeySidecar     = "sidecar.json"
	KeyFirewall    = "firewall.json"
	KeyAuthority   = "ca.crt"
	KeyCertificate = "tls.crt"
	KeyPrivate     = "tls.key"
	KeyToken       = "token"
)

// LeaseName is the Lease by which the units decide who is active.
func LeaseName(pair string) string { return pair }

// ServiceName is the pair's Service.
func ServiceName(pair string) string { return pair }

// EndpointSliceName is what the Service points at in one IP family. The dot keeps it apart from the names of other
// pairs, which have none.
func EndpointSliceName(pair string, family discoveryv1.AddressType) string {
	if family == discoveryv1.AddressTypeIPv6 {
		return pair + ".ipv6"
	}
	return pair
}

// DisruptionBudgetName is the budget that keeps an eviction from taking both units.
func DisruptionBudgetName(pair string) string { return pair }

// NetworkPolicyName says who reaches the units' pods.
func NetworkPolicyName(pair string) string { return pair }

// UnitName is the unit's pod, and also its ServiceAccount, its Role and its RoleBinding.
func UnitName(pair string, unit v1alpha1.Unit) string { return pair + "-" + string(unit) }

// SidecarConfigMapName holds the settings of both sidecars.
func SidecarConfigMapName(pair string) string { return pair + "-sidecar" }

// FirewallConfigMapName holds the document of both firewalls.
func FirewallConfigMapName(pair string) string { return pair + "-firewall" }

// AuthoritySecretName holds the authority that signs for both units. No unit can read it.
func AuthoritySecretName(pair string) string { return pair + "-ca" }

// UnitSecretName holds the certificate of one unit, which mounts it.
func UnitSecretName(pair string, unit v1alpha1.Unit) string { return UnitName(pair, unit) + "-tls" }

// MetricsSecretName holds what a scraper of both units' metrics needs.
func MetricsSecretName(pair string) string { return pair + "-metrics" }

// IssuedSecretName is where cert-manager puts the certificate of one unit, if the pair names an issuer. No unit mounts
// it.
func IssuedSecretName(pair string, unit v1alpha1.Unit) string {
	return UnitName(pair, unit) + "-issued"
}
