package resources

import (
	"cmp"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/credentials"
)

// CertificateKind is what cert-manager is asked by. Its types are not imported: little of them is used.
var CertificateKind = schema.GroupVersionKind{Group: "cert-manager.io", Version: "v1", Kind: "Certificate"}

// What the API fills in, for a pair that came past its defaulting.
const (
	defaultIssuerKind  = "Issuer"
	defaultIssuerGroup = "cert-manager.io"
)

// Certificate asks cert-manager for the certificate of one unit. What is issued is not what the unit mounts:
// cert-manager renews each certificate by itself, with whatever authority its issuer has then, and two units would be
// strangers from the first to the second. So the operator takes it over into the unit's Secret when the peer knows its
// authority.
//
// The Secret is cert-manager's and has the pair's labels, by which the operator's cache finds it.
func Certificate(
	pair *v1alpha1.HAPair, unit v1alpha1.Unit, issuer v1alpha1.IssuerReference,
) *unstructured.Unstructured {
	labels := map[string]any{}
	for name, value := range Labels(pair.Name) {
		labels[name] = value
	}
	certificate := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{
			"name":      UnitName(pair.Name, unit),
			"namespace": pair.Namespace,
			"labels":    labels,
			"ownerReferences": []any{map[string]any{
				"apiVersion": v1alpha1.GroupVersion.String(), "kind": "HAPair",
				"name": pair.Name, "uid": string(pair.UID), "controller": true, "blockOwnerDeletion": true,
			}},
		},
		"spec": map[string]any{
			"secretName":     IssuedSecretName(pair.Name, unit),
			"secretTemplate": map[string]any{"labels": labels},
			"dnsNames":       []any{credentials.UnitName(string(unit), pair.Name, pair.Namespace)},
			"usages":         []any{"server auth", "client auth", "digital signature"},
			"privateKey":     map[string]any{"algorithm": "ECDSA", "size": int64(256), "rotationPolicy": "Always"},
			"duration":       credentials.UnitLifetime.String(),
			"renewBefore":    credentials.UnitRenewal.String(),
			"issuerRef": map[string]any{
				"name": issuer.Name, "kind": cmp.Or(issuer.Kind, defaultIssuerKind),
				"group": cmp.Or(issuer.Group, defaultIssuerGroup),
			},
		},
	}}
	certificate.SetGroupVersionKind(CertificateKind)
	return certificate
}
