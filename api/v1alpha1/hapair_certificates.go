package v1alpha1

// CertificatesSpec selects the authority that signs the certificates of the units.
type CertificatesSpec struct {
	// issuerRef names an issuer of cert-manager that signs the certificates of both units. Without it the operator creates
	// an authority for this pair only. That is safer: with an issuer, anyone who can get a certificate for the name
	// <unit>.<pair>.<namespace>.hapair can impersonate that unit.
	//
	// The issuer must provide its own certificate (ca.crt). Issuers of the types CA, Vault and SelfSigned do; ACME does
	// not. You can set, change and remove the issuer while the pair runs. The change takes about two hours, in which the
	// units trust both authorities, and interrupts no session between them. See docs/certificates.md.
	// +optional
	IssuerRef *IssuerReference `json:"issuerRef,omitempty"`
}

// IssuerReference names an issuer of cert-manager.
//
// +kubebuilder:validation:XValidation:rule="!has(self.kind) || self.kind in ['Issuer', 'ClusterIssuer'] || (has(self.group) && self.group != 'cert-manager.io')",fieldPath=.kind,message="kind must be Issuer or ClusterIssuer in the group cert-manager.io; correct it, or set group to the API group of the external issuer"
type IssuerReference struct {
	// name of the issuer. An issuer with a namespace must be in the namespace of the pair.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="the name of an issuer must be a lowercase RFC 1123 subdomain: a-z, 0-9, '-' and '.', as in edge-issuer"
	Name string `json:"name"`

	// kind of the issuer: Issuer, ClusterIssuer, or the kind of an external issuer. For an external issuer, also set
	// group.
	// +optional
	// +kubebuilder:default=Issuer
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Z][A-Za-z0-9]*$')",message="kind must be the name of a kind, as in Issuer or ClusterIssuer"
	Kind string `json:"kind,omitempty"`

	// group is the API group of the issuer.
	// +optional
	// +kubebuilder:default=cert-manager.io
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.contains('.') && !format.dns1123Subdomain().validate(self).hasValue()",message="group must be an API group, as in cert-manager.io"
	Group string `json:"group,omitempty"`
}

// Issuer returns the issuer of cert-manager that signs for the pair, or nil if the operator is the authority.
func (p *HAPair) Issuer() *IssuerReference {
	if p.Spec.Certificates == nil {
		return nil
	}
	return p.Spec.Certificates.IssuerRef
}
