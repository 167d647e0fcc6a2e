package resources

import (
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// These are the keys in the ConfigMaps and Secrets that the units mount.
const (
	KeySidecar     = "sidecar.json"
	KeyFirewall    = "firewall.json"
	KeyAuthority   = "ca.crt"
	KeyCertificate = "tls.crt"
	KeyPrivate     = "tls.key"
	KeyToken       = "token"
)

// LeaseName returns the name of the Lease by which the units decide who is active.
func LeaseName(pair string) string { return pair }

// ServiceName returns the name of the pair's Service.
func ServiceName(pair string) string { return pair }

// EndpointSliceName returns the name of the EndpointSlice for one IP family. It cannot equal the name of another pair:
// names of pairs have no dot.
func EndpointSliceName(pair string, family discoveryv1.AddressType) string {
	if family == discoveryv1.AddressTypeIPv6 {
		return pair + ".ipv6"
	}
	return pair
}

// DisruptionBudgetName returns the name of the PodDisruptionBudget.
func DisruptionBudgetName(pair string) string { return pair }

// NetworkPolicyName returns the name of the NetworkPolicy.
func NetworkPolicyName(pair string) string { return pair }

// UnitName returns the name of a unit's Pod, HAUnit, ServiceAccount, Role and RoleBinding.
func UnitName(pair string, unit v1alpha1.Unit) string { return pair + "-" + string(unit) }

// SidecarConfigMapName returns the name of the ConfigMap with the settings of both sidecars.
func SidecarConfigMapName(pair string) string { return pair + "-sidecar" }

// FirewallConfigMapName returns the name of the ConfigMap with the firewall document.
func FirewallConfigMapName(pair string) string { return pair + "-firewall" }

// AuthoritySecretName returns the name of the Secret with the authority of the pair. No unit can read it.
func AuthoritySecretName(pair string) string { return pair + "-ca" }

// UnitSecretName returns the name of the Secret with the certificate of a unit. The unit mounts it.
func UnitSecretName(pair string, unit v1alpha1.Unit) string { return UnitName(pair, unit) + "-tls" }

// MetricsSecretName returns the name of the Secret that a scraper of the units' metrics needs.
func MetricsSecretName(pair string) string { return pair + "-metrics" }

// IssuedSecretName returns the name of the Secret in which cert-manager stores the certificate of a unit. No unit
// mounts it.
func IssuedSecretName(pair string, unit v1alpha1.Unit) string {
	return UnitName(pair, unit) + "-issued"
}
