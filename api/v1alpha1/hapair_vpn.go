package v1alpha1

// VPNSpec adds the container vpn to the pods, which has the IKE daemon. The tunnels are in the FirewallConfiguration.
type VPNSpec struct {
	// secretName names the Secret with the preshared keys, certificates and private keys to which tunnels refer. It must
	// be in the pair's namespace. Only the container vpn mounts it. Changes of its content take effect without new pods.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="the name of a Secret must be a lowercase RFC 1123 subdomain: a-z, 0-9, '-' and '.', as in edge-vpn"
	SecretName string `json:"secretName"`
}
