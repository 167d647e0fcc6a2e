package document

import (
	"cmp"
	"net/netip"
	"slices"
)

// VPN are the tunnels (IPsec, IKEv2) of the active unit.
type VPN struct {
	SiteToSite   []SiteToSite `json:"siteToSite,omitempty"`
	RemoteAccess RemoteAccess `json:"remoteAccess,omitzero"`
}

// IsEnabled reports whether there are tunnels, or can be.
func (v VPN) IsEnabled() bool { return len(v.SiteToSite) > 0 || v.RemoteAccess.IsEnabled() }

// SiteToSite is a tunnel between networks behind the pair and networks behind a peer.
type SiteToSite struct {
	Name string `json:"name"`
	// LocalAddress is a virtual address of the pair, and RemoteAddress the address of the peer.
	LocalAddress  netip.Addr `json:"localAddress"`
	RemoteAddress netip.Addr `json:"remoteAddress"`
	// LocalIdentity and RemoteIdentity are the addresses if they are empty.
	LocalIdentity  Identity `json:"localIdentity,omitempty"`
	RemoteIdentity Identity `json:"remoteIdentity,omitempty"`
	// Exactly one of PresharedKey and Certificate is set.
	PresharedKey PresharedKey `json:"presharedKey,omitzero"`
	Certificate  Certificate  `json:"certificate,omitzero"`
	// LocalNetworks and RemoteNetworks are what the tunnel connects.
	LocalNetworks  []netip.Prefix `json:"localNetworks"`
	RemoteNetworks []netip.Prefix `json:"remoteNetworks"`
	// Initiation is Initiate if it is empty.
	Initiation Initiation `json:"initiation,omitempty"`
	IKE        Keys       `json:"ike,omitzero"`
	ESP        Keys       `json:"esp,omitzero"`
	// DeadPeerSeconds is DefaultDeadPeerSeconds if it is 0.
	DeadPeerSeconds uint16 `json:"deadPeerSeconds,omitempty"`
}

// Identity is a name that an end of a tunnel proves.
type Identity string

// PresharedKey refers to a secret that both ends know.
type PresharedKey struct {
	Key SecretKey `json:"key"`
}

// Certificate refers to the certificates of a tunnel and to the private key, all in PEM.
type Certificate struct {
	Certificate SecretKey `json:"certificate"`
	PrivateKey  SecretKey `json:"privateKey"`
	Authority   SecretKey `json:"authority"`
}

// SecretKey is the name of an entry in the Secret of the pair's VPN.
type SecretKey string

// Keys are the algorithms of a tunnel, and how long its keys are used.
type Keys struct {
	// Proposals are the defaults if the list is empty.
	Proposals []Proposal `json:"proposals,omitempty"`
	// RekeySeconds is the default if it is 0.
	RekeySeconds uint16 `json:"rekeySeconds,omitempty"`
}

// Initiation is which end sets a tunnel up.
type Initiation string

// The choices.
const (
	// Initiate lets the active unit set the tunnel up.
	Initiate Initiation = "Initiate"
	// Respond leaves that to the peer.
	Respond Initiation = "Respond"
)

func (Initiation) known() []string { return []string{string(Initiate), string(Respond)} }

// Initiates reports whether the active unit sets the tunnel up.
func (s SiteToSite) Initiates() bool { return s.Initiation != Respond }

// Defaults of a tunnel.
const (
	DefaultIKERekeySeconds = 14400
	DefaultESPRekeySeconds = 3600
	DefaultDeadPeerSeconds = 30
)

// Identities returns the names that the ends prove.
func (s SiteToSite) Identities() (local, remote string) {
	return cmp.Or(string(s.LocalIdentity), s.LocalAddress.String()),
		cmp.Or(string(s.RemoteIdentity), s.RemoteAddress.String())
}

// SecretReference is a field of a document that names an entry in the Secret of the pair's VPN.
type SecretReference struct {
	// Field is the path of the field.
	Field string
	Key   SecretKey
}

// SecretReferences returns all entries of the Secret that the tunnels need, in the order of the document, without the
// passwords of users.
func (v VPN) SecretReferences() []SecretReference {
	var all []SecretReference
	for i, s := range v.SiteToSite {
		at := spec.field("vpn").field("siteToSite").index(i)
		certificate := at.field("certificate")
		all = append(all,
			SecretReference{string(at.field("presharedKey").field("key")), s.PresharedKey.Key},
			SecretReference{string(certificate.field("certificate")), s.Certificate.Certificate},
			SecretReference{string(certificate.field("privateKey")), s.Certificate.PrivateKey},
			SecretReference{string(certificate.field("authority")), s.Certificate.Authority},
		)
	}
	if v.RemoteAccess.IsEnabled() {
		all = append(all, v.RemoteAccess.keys()...)
	}
	return slices.DeleteFunc(all, func(r SecretReference) bool { return r.Key == "" })
}
