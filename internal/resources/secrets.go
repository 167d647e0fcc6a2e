package resources

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// AuthoritySecret returns the Secret with the authority of the pair. Only the operator reads it; no unit mounts it.
func AuthoritySecret(pair *v1alpha1.HAPair, certificate, key []byte) *corev1ac.SecretApplyConfiguration {
	return secret(pair, AuthoritySecretName(pair.Name), map[string][]byte{KeyCertificate: certificate, KeyPrivate: key})
}

// UnitSecret returns the Secret with the certificate of one unit, and with the authorities that it trusts for its peer.
func UnitSecret(
	pair *v1alpha1.HAPair, unit v1alpha1.Unit, certificate, key, authorities []byte,
) *corev1ac.SecretApplyConfiguration {
	return secret(pair, UnitSecretName(pair.Name, unit), map[string][]byte{
		KeyCertificate: certificate, KeyPrivate: key, KeyAuthority: authorities,
	})
}

// MetricsSecret returns the Secret for scrapers of the units' metrics. It has the token that a scraper sends and the
// authority that signed the units' certificates. The units mount the token.
func MetricsSecret(pair *v1alpha1.HAPair, token string, authority []byte) *corev1ac.SecretApplyConfiguration {
	data := map[string][]byte{KeyToken: []byte(token)}
	if len(authority) > 0 { // unknown until the issuer has signed a certificate
		data[KeyAuthority] = authority
	}
	return secret(pair, MetricsSecretName(pair.Name), data).WithType(corev1.SecretTypeOpaque)
}

func secret(pair *v1alpha1.HAPair, name string, data map[string][]byte) *corev1ac.SecretApplyConfiguration {
	return corev1ac.Secret(name, pair.Namespace).
		WithLabels(Labels(pair.Name)).
		WithOwnerReferences(owner(pair)).
		WithType(corev1.SecretTypeTLS).
		WithData(data)
}
