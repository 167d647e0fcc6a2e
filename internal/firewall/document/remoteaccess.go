package document

import (
	"cmp"
	"net/netip"
)

// RemoteAccess is how users connect to the pair from anywhere. Each gets an address of a pool.
type RemoteAccess struct {
	// LocalAddress is the virtual address at which users reach the pair.
	LocalAddress netip.Addr `json:"localAddress"`
	// LocalIdentity is LocalAddress if it is empty.
	LocalIdentity Identity          `json:"localIdentity,omitempty"`
	Certificate   ServerCertificate `json:"certificate"`
	// Pools are the addresses for users.
	Pools []netip.Prefix `json:"pools"`
	// LocalNetworks are what users reach through their tunnels; everything if it is empty.
	LocalNetworks []netip.Prefix `json:"localNetworks,omitempty"`
	// DNSServers are the servers that users are told.
	DNSServers []netip.Addr `json:"dnsServers,omitempty"`
	Users      []RemoteUser `json:"users"`
	IKE        Keys         `json:"ike,omitzero"`
	ESP        Keys         `json:"esp,omitzero"`
	// DeadPeerSeconds is DefaultDeadPeerSeconds if it is 0.
	DeadPeerSeconds uint16 `json:"deadPeerSeconds,omitempty"`
}

// RemoteAccessName is the name of the connection of all users. No tunnel can have it.
const RemoteAccessName = "remoteAccess"

// IsEnabled reports whether users can connect.
func (r RemoteAccess) IsEnabled() bool { return r.LocalAddress.IsValid() }

// Identity returns the name that the pair proves to users.
func (r RemoteAccess) Identity() string {
	return cmp.Or(string(r.LocalIdentity), r.LocalAddress.String())
}

// Networks returns what users reach through their tunnels.
func (r RemoteAccess) Networks() []netip.Prefix {
	if len(r.LocalNetworks) > 0 {
		return r.LocalNetworks
	}
	var all []netip.Prefix
	for _, is4 := range []bool{true, false} {
		for _, p := range r.Pools {
			if p.Addr().Is4() == is4 {
				all = append(all, netip.PrefixFrom(unspecified(is4), 0))
				break
			}
		}
	}
	return all
}

func unspecified(is4 bool) netip.Addr {
	if is4 {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// ServerCertificate refers to the certificate of the pair and to its private key, both in PEM.
type ServerCertificate struct {
	Certificate SecretKey `json:"certificate"`
	PrivateKey  SecretKey `json:"privateKey"`
}

// RemoteUser is a user and the password.
type RemoteUser struct {
	Name     Username `json:"name"`
	Password Password `json:"password"`
}

// Username is what a user enters besides the password.
type Username string

// Password refers to the password of a user.
type Password struct {
	Key SecretKey `json:"key"`
}

// remoteAccess is the path of RemoteAccess.
var remoteAccess = spec.field("vpn").field("remoteAccess")

// keys returns the entries of the Secret with the certificate and its private key.
func (r RemoteAccess) keys() []SecretReference {
	certificate := remoteAccess.field("certificate")
	return []SecretReference{
		{string(certificate.field("certificate")), r.Certificate.Certificate},
		{string(certificate.field("privateKey")), r.Certificate.PrivateKey},
	}
}

// Passwords returns the entries of the Secret with the passwords, in the order of the users.
func (r RemoteAccess) Passwords() []SecretReference {
	all := make([]SecretReference, 0, len(r.Users))
	for i, u := range r.Users {
		field := remoteAccess.field("users").index(i).field("password").field("key")
		all = append(all, SecretReference{string(field), u.Password.Key})
	}
	return all
}
