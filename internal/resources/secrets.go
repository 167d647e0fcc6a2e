package resources

import (
	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// AuthoritySecret holds the authority of the pair. The operator alone reads it; no unit mounts it.
func AuthoritySecret(pair *v1alpha1.HAPair, certificate, key []byte) *corev1ac.SecretApplyConfiguration {
	return secret(pair, AuthoritySecretName(pair.Name), map[string][]byte{KeyCertificate: certificate, KeyPrivate: key})
}

// UnitSecret holds the certificate of one unit and those of the authorities by which it knows its peer.
func UnitSecret(
	pair *v1alpha1.HAPair, unit v1alpha1.Unit, certificate, key, authorities []byte,
) *corev1ac.SecretApplyConfiguration {
	return secret(pair, UnitSecretName(pair.Name, unit), map[string][]byte{
		KeyCertificate: certificate, KeyPrivate: key, KeyAuthority: authorities,
	})
}

// MetricsSecret holds what a scraper of the units' metrics needs: the token that it has to show, and the authority by
// which it knows the units. The units mount the token.
func MetricsSecret(pair *v1alpha1.HAPair, token string, authority []byte) *corev1ac.SecretApplyConfiguration {
	data := map[string][]byte{KeyToken: []byte(token)}
	if len(authority) > 0 { // an issuer may take its time
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
