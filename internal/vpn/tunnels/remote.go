package tunnels

import (
	"bytes"
	"cmp"
	"encoding/pem"
	"fmt"
	"net/netip"
	"strings"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// Authority is an argument of load-cert, with a certificate in PEM. Charon sends those between its own certificate and
// the authority that clients trust.
type Authority struct {
	Type string `vici:"type"`
	Flag string `vici:"flag"`
	Data string `vici:"data"`
}

// userMethod is how users authenticate.
const userMethod = "eap-mschapv2"

// addRemoteAccess adds the connection of all users. It leaves out users without a password.
func (c *Config) addRemoteAccess(
	r document.RemoteAccess, secret map[string][]byte, missing map[document.SecretKey]string, userspace bool,
) {
	if fault := cmp.Or(missing[r.Certificate.Certificate], missing[r.Certificate.PrivateKey]); fault != "" {
		c.Faults = append(c.Faults, fault)
		return
	}
	own, authorities := splitChain(trim(secret[string(r.Certificate.Certificate)]))
	for _, certificate := range authorities {
		c.Authorities = append(c.Authorities, Authority{Type: "x509", Flag: "ca", Data: certificate})
	}
	c.Keys = append(c.Keys, PrivateKey{Type: "any", Data: string(trim(secret[string(r.Certificate.PrivateKey)]))})
	passwords := r.Passwords()
	for i, u := range r.Users {
		if reason := checkPassword(secret, u.Password.Key); reason != "" {
			c.Faults = append(c.Faults, passwords[i].Field+": "+reason)
			continue
		}
		c.Shared = append(c.Shared, Shared{
			ID: document.RemoteAccessName + ":" + string(u.Name), Type: "EAP",
			Data: string(trim(secret[string(u.Password.Key)])), Owners: []string{string(u.Name)},
		})
	}
	c.Connections = append(c.Connections, Connection{Name: document.RemoteAccessName, Settings: Settings{
		Version: "2", LocalAddresses: []string{r.LocalAddress.String()}, RemoteAddresses: []string{"%any"},
		Proposals:   texts(orDefault(r.IKE.Proposals, document.DefaultIKEProposals())),
		Encapsulate: yesNo(userspace), MOBIKE: "no",
		// A user may have several devices. DPD ends the tunnel of one that is lost.
		Unique:          "never",
		DPDDelay:        seconds(cmp.Or(r.DeadPeerSeconds, document.DefaultDeadPeerSeconds)),
		RekeyTime:       seconds(cmp.Or(r.IKE.RekeySeconds, document.DefaultIKERekeySeconds)),
		SendCertificate: "always", Pools: PoolNames(r.Pools),
		Local:  End{Method: "pubkey", Identity: r.Identity(), Certificates: []string{own}},
		Remote: End{Method: userMethod, EAPIdentity: "%any"},
		Children: map[string]Child{
			document.RemoteAccessName: encryption(r.Networks(), nil, r.ESP, userspace), // The other end is the user's address.
		},
	}})
}

// PoolNames returns the names of pools, as charon has them. Each name is that of the prefix, so that a pool never
// changes.
func PoolNames(pools []netip.Prefix) []string {
	names := make([]string, 0, len(pools))
	for _, p := range pools {
		name := p.Addr().StringExpanded() + "-" + strings.TrimPrefix(p.String(), p.Addr().String()+"/")
		names = append(names, strings.NewReplacer(".", "-", ":", "-").Replace(name))
	}
	return names
}

// splitChain returns the first certificate of a text in PEM, and the others. A text without certificates is returned as
// it is, and charon refuses it.
func splitChain(text []byte) (own string, authorities []string) {
	for rest := text; ; {
		block, after := pem.Decode(rest)
		if block == nil {
			return cmp.Or(own, string(text)), authorities
		}
		rest = after
		encoded := string(bytes.TrimSpace(pem.EncodeToMemory(block)))
		switch {
		case block.Type != "CERTIFICATE":
		case own == "":
			own = encoded
		default:
			authorities = append(authorities, encoded)
		}
	}
}

// checkPassword returns why an entry of the Secret cannot be used as a password; empty if it can. MSCHAPv2 hashes
// passwords in UTF-16, and charon reads each byte as a character.
func checkPassword(secret map[string][]byte, key document.SecretKey) string {
	if reason := checkEntry(secret, key); reason != "" {
		return reason
	}
	if bytes.ContainsFunc(trim(secret[string(key)]), func(r rune) bool { return r < ' ' || r > '~' }) {
		return fmt.Sprintf("the entry %q of the Secret has characters other than those of ASCII, which clients encode in "+
			"another way; choose another password", key)
	}
	return ""
}
