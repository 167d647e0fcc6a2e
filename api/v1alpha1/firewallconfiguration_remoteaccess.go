package v1alpha1

// VPNRemoteAccess is how users connect to the pair from anywhere. The pair proves its identity by a certificate, and
// users prove theirs by a password (EAP-MSCHAPv2). It allows nothing by itself: policies must accept the UDP ports 500
// and 4500 and protocol ESP from the users' networks to the zone firewall, and the traffic between the zones. The
// packets of all users come from the zone with ipsec0, from addresses of the pools.
type VPNRemoteAccess struct {
	// localAddress is the virtual address at which users reach the pair.
	// +required
	// +kubebuilder:validation:MaxLength=39
	// +kubebuilder:validation:XValidation:rule="isIP(self)",message="localAddress must be an IPv4 or IPv6 address without a prefix length, as in 203.0.113.1 or 2001:db8::1"
	LocalAddress string `json:"localAddress"`

	// localIdentity is the name that the pair proves to users, as in vpn.example.com. Clients compare it with the server
	// that the user has entered. Without it, that is localAddress.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9][A-Za-z0-9 ,.:=@_/+-]*$`
	LocalIdentity string `json:"localIdentity,omitempty"`

	// certificate is that of the pair.
	// +required
	Certificate VPNServerCertificate `json:"certificate"`

	// pools are the addresses for users. A user gets one of each family. No network of the pair may overlap, and the first
	// and the last address of each pool are not given. A change of pools ends all tunnels of the pair for a moment.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MaxLength=43
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self)",message="a pool must be a prefix, as in 10.88.0.0/24 or 2001:db8:88::/112"
	Pools []string `json:"pools"`

	// localNetworks are the networks that users reach through their tunnels. Without it, clients send everything through
	// the tunnel.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MaxLength=43
	// +kubebuilder:validation:items:XValidation:rule="isCIDR(self)",message="a network must be a prefix, as in 192.168.50.0/24 or 2001:db8:50::/48"
	LocalNetworks []string `json:"localNetworks,omitempty"`

	// dnsServers are the DNS servers that clients use while they are connected.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=4
	// +kubebuilder:validation:items:MaxLength=39
	// +kubebuilder:validation:items:XValidation:rule="isIP(self)",message="a DNS server must be an IPv4 or IPv6 address without a prefix length, as in 192.168.50.1"
	DNSServers []string `json:"dnsServers,omitempty"`

	// users are those who may connect. A user can be connected with several devices. One who is removed is disconnected.
	// +required
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=512
	Users []VPNUser `json:"users"`

	// ike configures the connection by which clients authenticate and agree on keys.
	// +optional
	IKE VPNKeys `json:"ike,omitzero"`

	// esp configures the encryption of packets. Proposals with a Diffie-Hellman group give each key forward secrecy.
	// +optional
	ESP VPNKeys `json:"esp,omitzero"`

	// deadPeerSeconds is after how long without packets of a client the unit asks whether it lives. The default is 30.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=3600
	DeadPeerSeconds int32 `json:"deadPeerSeconds,omitempty"`
}

// VPNServerCertificate refers to a certificate in PEM. Each field is a key in the Secret of the pair's spec.vpn.
type VPNServerCertificate struct {
	// certificate is the key of the pair's own certificate, which must have localIdentity as its subject or an
	// alternative name. The certificates of intermediate authorities may follow it.
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
}

// VPNUser is a user with a password.
type VPNUser struct {
	// name is what the user enters besides the password, as in alice or alice@example.com. Its case does not matter.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9][A-Za-z0-9._@+-]*$`
	Name string `json:"name"`

	// password of the user.
	// +required
	Password VPNPassword `json:"password"`
}

// VPNPassword refers to the password of a user.
type VPNPassword struct {
	// key is the key in the Secret of the pair's spec.vpn. Its value must be ASCII. It is used as it is, without a line
	// break at its end.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[-._a-zA-Z0-9]+$`
	Key string `json:"key"`
}
