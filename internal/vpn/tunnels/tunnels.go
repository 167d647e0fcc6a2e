package tunnels

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// InterfaceID connects the SAs of the kernel with the interface of tunnels.
const InterfaceID = 1

// Config is everything that charon loads.
type Config struct {
	Connections []Connection
	Shared      []Shared
	Keys        []PrivateKey
	Authorities []Authority
	// Faults are the tunnels and users that are left out, each with the path of a field and why.
	Faults []string
}

// Connection is an argument of load-conn (README.md of the vici plugin of strongSwan). Each has one child, which has
// the name of the connection.
type Connection struct {
	Name string
	// Initiates is whether the active unit sets the tunnel up.
	Initiates bool
	Settings  Settings
}

// Settings are the settings of a connection.
type Settings struct {
	Version         string           `vici:"version"`
	LocalAddresses  []string         `vici:"local_addrs"`
	RemoteAddresses []string         `vici:"remote_addrs"`
	Proposals       []string         `vici:"proposals"`
	Encapsulate     string           `vici:"encap"`
	MOBIKE          string           `vici:"mobike"`
	Unique          string           `vici:"unique"`
	DPDDelay        string           `vici:"dpd_delay"`
	RekeyTime       string           `vici:"rekey_time"`
	SendCertificate string           `vici:"send_cert"`
	Pools           []string         `vici:"pools"`
	Local           End              `vici:"local"`
	Remote          End              `vici:"remote"`
	Children        map[string]Child `vici:"children"`
}

// End is how one end authenticates.
type End struct {
	Method       string   `vici:"auth"`
	Identity     string   `vici:"id"`
	EAPIdentity  string   `vici:"eap_id"`
	Certificates []string `vici:"certs"`
	Authorities  []string `vici:"cacerts"`
}

// Child is the encryption of packets.
type Child struct {
	Mode         string   `vici:"mode"`
	LocalTS      []string `vici:"local_ts"`
	RemoteTS     []string `vici:"remote_ts"`
	Proposals    []string `vici:"esp_proposals"`
	RekeyTime    string   `vici:"rekey_time"`
	DPDAction    string   `vici:"dpd_action"`
	StartAction  string   `vici:"start_action"`
	CloseAction  string   `vici:"close_action"`
	InterfaceIn  string   `vici:"if_id_in"`
	InterfaceOut string   `vici:"if_id_out"`
}

// Shared is an argument of load-shared.
type Shared struct {
	ID     string   `vici:"id"`
	Type   string   `vici:"type"`
	Data   string   `vici:"data"`
	Owners []string `vici:"owners"`
}

// PrivateKey is an argument of load-key.
type PrivateKey struct {
	Type string `vici:"type"`
	Data string `vici:"data"`
}

// Compile returns what charon loads for the tunnels of a valid document. A tunnel whose entry of the Secret is missing
// is left out, and does not stop the others. In userspace, packets are always encapsulated in UDP.
func Compile(v document.VPN, secret map[string][]byte, userspace bool) (c Config) {
	missing := map[document.SecretKey]string{}
	for _, r := range v.SecretReferences() {
		if reason := checkEntry(secret, r.Key); reason != "" {
			missing[r.Key] = r.Field + ": " + reason
		}
	}
	for _, s := range v.SiteToSite {
		fault := ""
		for _, key := range []document.SecretKey{
			s.PresharedKey.Key, s.Certificate.Certificate, s.Certificate.PrivateKey, s.Certificate.Authority,
		} {
			fault = cmp.Or(fault, missing[key])
		}
		if fault != "" {
			c.Faults = append(c.Faults, fault)
			continue
		}
		c.add(s, secret, userspace)
	}
	if v.RemoteAccess.IsEnabled() {
		c.addRemoteAccess(v.RemoteAccess, secret, missing, userspace)
	}
	return c
}

// maxEntry bounds an entry of the Secret. A message of VICI holds no longer values.
const maxEntry = 1<<16 - 1

// CheckSecret returns which entries of a Secret cannot be used, each with the path of the field that names it. It
// returns no value.
func CheckSecret(v document.VPN, secret map[string][]byte) (problems []document.Problem) {
	add := func(r document.SecretReference, reason string) {
		if reason != "" {
			problems = append(problems, document.Problem{Path: r.Field, Message: reason})
		}
	}
	for _, r := range v.SecretReferences() {
		add(r, checkEntry(secret, r.Key))
	}
	for _, r := range v.RemoteAccess.Passwords() {
		add(r, checkPassword(secret, r.Key))
	}
	return problems
}

// checkEntry returns why an entry of the Secret cannot be used; empty if it can.
func checkEntry(secret map[string][]byte, key document.SecretKey) string {
	value, ok := secret[string(key)]
	switch {
	case !ok:
		return fmt.Sprintf("the Secret has no entry %q; add it, or correct the name", key)
	case len(trim(value)) == 0:
		return fmt.Sprintf("the entry %q of the Secret is empty; set it", key)
	case len(value) > maxEntry:
		return fmt.Sprintf("the entry %q of the Secret has %d bytes, at most %d are possible", key, len(value), maxEntry)
	default:
		return ""
	}
}

// trim removes the line break that editors and echo add.
func trim(value []byte) []byte { return bytes.TrimRight(value, "\r\n") }

func (c *Config) add(s document.SiteToSite, secret map[string][]byte, userspace bool) {
	local, remote := s.Identities()
	value := func(key document.SecretKey) string { return string(trim(secret[string(key)])) }
	connection := Connection{Name: s.Name, Initiates: s.Initiates(), Settings: Settings{
		Version: "2", LocalAddresses: []string{s.LocalAddress.String()}, RemoteAddresses: []string{s.RemoteAddress.String()},
		Proposals: texts(orDefault(s.IKE.Proposals, document.DefaultIKEProposals())),
		// The addresses of the pair never change, and a peer that has several would move the tunnel to another.
		Encapsulate: yesNo(userspace), MOBIKE: "no", Unique: "replace",
		DPDDelay:        seconds(cmp.Or(s.DeadPeerSeconds, document.DefaultDeadPeerSeconds)),
		RekeyTime:       seconds(cmp.Or(s.IKE.RekeySeconds, document.DefaultIKERekeySeconds)),
		SendCertificate: "always",
		Local:           End{Method: "psk", Identity: local}, Remote: End{Method: "psk", Identity: remote},
		Children: map[string]Child{s.Name: encryption(s.LocalNetworks, s.RemoteNetworks, s.ESP, userspace)},
	}}
	if s.PresharedKey.Key != "" {
		c.Shared = append(c.Shared, Shared{
			ID: s.Name, Type: "IKE", Data: value(s.PresharedKey.Key), Owners: []string{local, remote},
		})
	} else {
		connection.Settings.Local = End{
			Method: "pubkey", Identity: local, Certificates: []string{value(s.Certificate.Certificate)},
		}
		connection.Settings.Remote = End{
			Method: "pubkey", Identity: remote, Authorities: []string{value(s.Certificate.Authority)},
		}
		c.Keys = append(c.Keys, PrivateKey{Type: "any", Data: value(s.Certificate.PrivateKey)})
	}
	c.Connections = append(c.Connections, connection)
}

// encryption returns the child of a connection between networks.
func encryption(local, remote []netip.Prefix, keys document.Keys, userspace bool) Child {
	child := Child{
		Mode: "tunnel", LocalTS: texts(local), RemoteTS: texts(remote),
		Proposals: texts(orDefault(keys.Proposals, document.DefaultESPProposals())),
		RekeyTime: seconds(cmp.Or(keys.RekeySeconds, document.DefaultESPRekeySeconds)),
		// Only the active unit sets tunnels up, so charon never does it by itself.
		DPDAction: "clear", StartAction: "none", CloseAction: "none",
	}
	if !userspace {
		child.InterfaceIn, child.InterfaceOut = fmt.Sprint(InterfaceID), fmt.Sprint(InterfaceID)
	}
	return child
}

// Hash identifies the settings of a connection. A connection with another hash has to be loaded again.
func (c Connection) Hash() [sha256.Size]byte { return hash(c.Settings) }

// SecretsHash identifies the keys, the passwords and the certificates of authorities.
func (c Config) SecretsHash() [sha256.Size]byte { return hash([]any{c.Shared, c.Keys, c.Authorities}) }

func hash(v any) [sha256.Size]byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encoding the settings of a connection: %v", err)) // No field has an encoding that can fail.
	}
	return sha256.Sum256(text)
}

func orDefault(own, defaults []document.Proposal) []document.Proposal {
	if len(own) > 0 {
		return own
	}
	return defaults
}

// texts returns values as charon reads them.
func texts[T document.Proposal | netip.Prefix](values []T) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = fmt.Sprint(v)
	}
	return all
}

func seconds(n uint16) string { return fmt.Sprintf("%ds", n) }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
