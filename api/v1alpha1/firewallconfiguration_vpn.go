package v1alpha1

// FirewallVPN are the tunnels (IPsec, IKEv2) that the active unit has with other gateways and with users. It needs
// pairs with spec.vpn. Decrypted packets arrive at the interface ipsec0, which must be in a zone.
//
// +kubebuilder:validation:XValidation:rule="has(self.siteToSite) || has(self.remoteAccess)",message="siteToSite or remoteAccess must be set; set one of them, or remove vpn"
type FirewallVPN struct {
	// siteToSite are tunnels to the networks of other sites. Each has one peer.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	SiteToSite []SiteToSite `json:"siteToSite,omitempty"`

	// remoteAccess lets users connect from anywhere. Without it, only the peers of siteToSite connect.
	// +optional
	RemoteAccess *VPNRemoteAccess `json:"remoteAccess,omitempty"`
}

// SiteToSite is a tunnel between networks behind the pair and networks behind a peer. It allows nothing by itself:
// policies must accept the UDP ports 500 and 4500 and protocol ESP from the peer to the zone firewall, and the traffic
// between the zones.
//
// +kubebuilder:validation:XValidation:rule="has(self.presharedKey) != has(self.certificate)",fieldPath=.presharedKey,message="either presharedKey or certificate must be set; set one of them"
type SiteToSite struct {
	// name of the tunnel.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",message="a name must begin with a letter, have only a-z, 0-9 and '-', and not end with '-', as in branch"
	Name string `json:"name"`

	// localAddress is the virtual address at which the peer reaches the pair.
	// +required
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="localAddress must be an IPv4 or IPv6 address without a prefix length, as in 203.0.113.1 or 2001:db8::1"
	LocalAddress string `json:"localAddress"`

	// remoteAddress is the address of the peer.
	// +required
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="remoteAddress must be an IPv4 or IPv6 address without a prefix length, as in 198.51.100.9 or 2001:db8:51::9"
	RemoteAddress string `json:"remoteAddress"`

	// localIdentity is the name that the pair proves to the peer: a DNS name, an address, an email address, or the
	// subject of the certificate. Without it, that is localAddress.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9][A-Za-z0-9 ,.:=@_/+-]*$`
	LocalIdentity string `json:"localIdentity,omitempty"`

	// remoteIdentity is the name that the peer must prove. Without it, that is remoteAddress.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9][A-Za-z0-9 ,.:=@_/+-]*$`
	RemoteIdentity string `json:"remoteIdentity,omitempty"`

	// presharedKey authenticates both ends by a secret that both know.
	// +optional
	PresharedKey *VPNPresharedKey `json:"presharedKey,omitempty"`

	// certificate authenticates both ends by certificates.
	// +optional
	Certificate *VPNCertificate `json:"certificate,omitempty"`

	// localNetworks are the networks behind the pair that the tunnel connects.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=43
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self)",message="a network must be a prefix, as in 192.168.50.0/24 or 2001:db8:50::/48"
	LocalNetworks []string `json:"localNetworks"`

	// remoteNetworks are the networks behind the peer. The unit has a route to each, by ipsec0.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=43
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self)",message="a network must be a prefix, as in 10.77.0.0/24 or 2001:db8:77::/48"
	RemoteNetworks []string `json:"remoteNetworks"`

	// initiation is whether the active unit sets the tunnel up, and again whenever it is lost. Initiate is the default.
	// Respond waits for the peer.
	// +optional
	Initiation VPNInitiation `json:"initiation,omitempty"`

	// ike configures the connection by which the ends authenticate and agree on keys.
	// +optional
	IKE VPNKeys `json:"ike,omitzero"`

	// esp configures the encryption of packets. Proposals with a Diffie-Hellman group give each key forward secrecy.
	// +optional
	ESP VPNKeys `json:"esp,omitzero"`

	// deadPeerSeconds is after how long without packets of the peer the unit asks whether it lives. The default is 30.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	DeadPeerSeconds int32 `json:"deadPeerSeconds,omitempty"`
}

// VPNInitiation is which end sets a tunnel up.
//
// +kubebuilder:validation:Enum=Initiate;Respond
type VPNInitiation string

// VPNPresharedKey refers to a secret that both ends know.
type VPNPresharedKey struct {
	// key is the key in the Secret of the pair's spec.vpn. Its value is used as it is, without a line break at its end.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key"`
}

// VPNCertificate refers to certificates in PEM. Each field is a key in the Secret of the pair's spec.vpn.
type VPNCertificate struct {
	// certificate is the key of the pair's own certificate, which must have localIdentity as its subject or an
	// alternative name.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Certificate string `json:"certificate"`

	// privateKey is the key of the private key that belongs to the certificate.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	PrivateKey string `json:"privateKey"`

	// authority is the key of the certificate of the authority that signed the peer's certificate.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Authority string `json:"authority"`
}

// VPNKeys configures algorithms, and how long keys are used.
type VPNKeys struct {
	// proposals are the accepted combinations of algorithms, the preferred one first, as in aes256gcm16-prfsha384-ecp384
	// for ike and aes256gcm16-ecp384 for esp. The defaults are combinations of AES with at least 128 bits and SHA-2.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=63
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]+(-[a-z0-9]+)*$`
	Proposals []string `json:"proposals,omitempty"`

	// rekeySeconds is how long keys are used. The default is 14400 for ike and 3600 for esp.
	// +optional
	// +kubebuilder:validation:Minimum=60
	// +kubebuilder:validation:Maximum=65535
	RekeySeconds int32 `json:"rekeySeconds,omitempty"`
}
