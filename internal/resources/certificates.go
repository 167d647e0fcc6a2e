package resources

import (
	"cmp"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/credentials"
)

// CertificateKind is the kind of cert-manager's requests. The operator uses few of its fields, so it does not import
// the types of cert-manager.
var CertificateKind = schema.GroupVersionKind{Group: "cert-manager.io", Version: "v1", Kind: "Certificate"}

// These are the defaults of the API, for a pair that the API server did not default.
const (
	defaultIssuerKind  = "Issuer"
	defaultIssuerGroup = "cert-manager.io"
)

// Certificate returns the request to cert-manager for the certificate of one unit.
//
// The unit does not mount the issued Secret. cert-manager renews the two certificates of a pair independently, and the
// issuer may have a new authority by then. The units would not trust each other between the two renewals. The operator
// therefore copies the certificate into the unit's Secret when the peer trusts the authority.
//
// The issued Secret has the labels of the pair, so that it is in the operator's cache. It lacks the instance label:
// cert-manager gives the Secret no owner, and Argo CD prunes objects that have its instance label and no owner.
func Certificate(
	pair *v1alpha1.HAPair, unit v1alpha1.Unit, issuer v1alpha1.IssuerReference,
) *unstructured.Unstructured {
	labels := map[string]any{}
	for name, value := range Labels(pair.Name) {
		labels[name] = value
	}
	issuedLabels := maps.Clone(labels)
	delete(issuedLabels, labelInstance)
	certificate := &unstructured.Unstructured{Object: map[string]any{
		"metadata": map[string]any{
			"name":      UnitName(pair.Name, unit),
			"namespace": pair.Namespace,
			"labels":    labels,
			"ownerReferences": []any{map[string]any{
				"apiVersion": v1alpha1.SchemeGroupVersion.String(), "kind": "HAPair",
				"name": pair.Name, "uid": string(pair.UID), "controller": true, "blockOwnerDeletion": true,
			}},
		},
		"spec": map[string]any{
			"secretName":     IssuedSecretName(pair.Name, unit),
			"secretTemplate": map[string]any{"labels": issuedLabels},
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
