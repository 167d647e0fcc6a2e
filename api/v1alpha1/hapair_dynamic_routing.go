package v1alpha1

// DynamicRoutingSpec adds the container routing to the pods, which has routing daemons. The protocols are in the
// FirewallConfiguration.
type DynamicRoutingSpec struct {
	// secretName names the Secret with the keys of routing protocols to which the FirewallConfiguration refers. It must be
	// in the pair's namespace. Only the container routing mounts it. Changes of its content take effect without new pods.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="the name of a Secret must be a lowercase RFC 1123 subdomain: a-z, 0-9, '-' and '.', as in edge-routing"
	SecretName string `json:"secretName,omitempty"`
}
