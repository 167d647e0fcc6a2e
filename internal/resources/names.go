package resources

import (
	"github.com/hapair-io/hapair/api/v1alpha1"
)

// Keys within the objects that the units mount.
const (
	KeySidecar     = "sidecar.json"
	KeyFirewall    = "firewall.json"
	KeyAuthority   = "ca.crt"
	KeyCertificate = "tls.crt"
	KeyPrivate     = "tls.key"
)

// LeaseName is the Lease by which the units decide who is active.
func LeaseName(pair string) string { return pair }

// ServiceName is the pair's Service; its EndpointSlice has the same name.
func ServiceName(pair string) string { return pair }

// DisruptionBudgetName is the budget that keeps an eviction from taking both units.
func DisruptionBudgetName(pair string) string { return pair }

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

// IssuedSecretName is where cert-manager puts the certificate of one unit, if the pair names an issuer. No unit mounts
// it.
func IssuedSecretName(pair string, unit v1alpha1.Unit) string {
	return UnitName(pair, unit) + "-issued"
}
