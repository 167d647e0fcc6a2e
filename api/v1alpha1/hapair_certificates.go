package v1alpha1

// CertificatesSpec is where the certificates of the units come from.
type CertificatesSpec struct {
	// issuerRef names the issuer of cert-manager that signs the certificates of both units. Without it the operator makes
	// an authority for the pair alone, which is the safer choice: whoever may have a certificate of the issuer for the
	// name <unit>.<pair>.<namespace>.hapair can pose as that unit. The issuer must tell its own certificate (ca.crt), as
	// those of the types CA, Vault and SelfSigned do, and ACME does not. It may be set, changed and removed while the pair
	// runs: the units trust both authorities while one takes the other's place, which takes about two hours, and no
	// session between them is interrupted. See docs/certificates.md.
	// +optional
	IssuerRef *IssuerReference `json:"issuerRef,omitempty"`
}

// IssuerReference names an issuer of cert-manager.
//
// +kubebuilder:validation:XValidation:rule="!has(self.kind) || self.kind in ['Issuer', 'ClusterIssuer'] || (has(self.group) && self.group != 'cert-manager.io')",fieldPath=.kind,message="kind must be Issuer or ClusterIssuer, which are what cert-manager.io has; correct it, or set group to that of the external issuer"
type IssuerReference struct {
	// name of the issuer. An Issuer must be in the pair's namespace.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="the name of an issuer must be a lowercase RFC 1123 subdomain: a-z, 0-9, '-' and '.', as in edge-issuer"
	Name string `json:"name"`

	// kind of the issuer: Issuer or ClusterIssuer, or that of an external issuer, whose group must be set too.
	// +optional
	// +kubebuilder:default=Issuer
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Z][A-Za-z0-9]*$')",message="kind must be the name of a kind, as in Issuer or ClusterIssuer"
	Kind string `json:"kind,omitempty"`

	// group of the issuer's kind.
	// +optional
	// +kubebuilder:default=cert-manager.io
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.contains('.') && !format.dns1123Subdomain().validate(self).hasValue()",message="group must be an API group, as in cert-manager.io"
	Group string `json:"group,omitempty"`
}

// Issuer is the issuer of cert-manager that signs for the pair; nil when the pair has an authority of its own.
func (p *HAPair) Issuer() *IssuerReference {
	if p.Spec.Certificates == nil {
		return nil
	}
	return p.Spec.Certificates.IssuerRef
}
