package tunnels_test

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/vpn/tunnels"
)

func branch() document.SiteToSite {
	return document.SiteToSite{
		Name: "branch", LocalAddress: netip.MustParseAddr("203.0.113.1"),
		RemoteAddress: netip.MustParseAddr("198.51.100.9"), RemoteIdentity: "branch.example.com",
		PresharedKey:   document.PresharedKey{Key: "branch"},
		LocalNetworks:  []netip.Prefix{netip.MustParsePrefix("192.168.50.0/24")},
		RemoteNetworks: []netip.Prefix{netip.MustParsePrefix("10.77.0.0/24")},
	}
}

func withCertificate() document.SiteToSite {
	s := branch()
	s.Name, s.PresharedKey, s.Initiation = "office", document.PresharedKey{}, document.Respond
	s.Certificate = document.Certificate{Certificate: "tls.crt", PrivateKey: "tls.key", Authority: "ca.crt"}
	s.IKE = document.Keys{Proposals: []document.Proposal{"aes256-sha256-ecp256"}, RekeySeconds: 60}
	s.ESP.RekeySeconds = 600
	return s
}

func TestDefaultsOfATunnel(t *testing.T) {
	got := tunnels.Compile(document.VPN{SiteToSite: []document.SiteToSite{branch()}},
		map[string][]byte{"branch": []byte("secret\n")}, true)
	want := tunnels.Config{
		Connections: []tunnels.Connection{{Name: "branch", Initiates: true, Settings: tunnels.Settings{
			Version: "2", LocalAddresses: []string{"203.0.113.1"}, RemoteAddresses: []string{"198.51.100.9"},
			Proposals: []string{
				"aes256gcm16-prfsha384-ecp384", "aes256gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-ecp256",
				"aes256-sha384-ecp384", "aes256-sha256-x25519", "aes256-sha256-modp3072", "aes128-sha256-ecp256",
				"aes256-sha256-modp2048",
			},
			Encapsulate: "yes", MOBIKE: "no", Unique: "replace", DPDDelay: "30s", RekeyTime: "14400s", SendCertificate: "always",
			Local:  tunnels.End{Method: "psk", Identity: "203.0.113.1"},
			Remote: tunnels.End{Method: "psk", Identity: "branch.example.com"},
			Children: map[string]tunnels.Child{"branch": {
				Mode: "tunnel", LocalTS: []string{"192.168.50.0/24"}, RemoteTS: []string{"10.77.0.0/24"},
				Proposals: []string{
					"aes256gcm16-ecp384", "aes256gcm16-x25519", "aes128gcm16-ecp256", "aes256-sha256-ecp256",
					"aes256-sha256-modp3072", "aes256-sha256-modp2048",
					"aes256gcm16", "aes128gcm16", "aes256-sha256",
				},
				RekeyTime: "3600s", DPDAction: "clear", StartAction: "none", CloseAction: "none",
			}},
		}}},
		Shared: []tunnels.Shared{{
			ID: "branch", Type: "IKE", Data: "secret", Owners: []string{"203.0.113.1", "branch.example.com"},
		}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v, want\n%+v", got, want)
	}
}

func TestCertificatesAndKernelESP(t *testing.T) {
	got := tunnels.Compile(document.VPN{SiteToSite: []document.SiteToSite{withCertificate()}},
		map[string][]byte{"tls.crt": []byte("C"), "tls.key": []byte("K"), "ca.crt": []byte("A")}, false)
	s := got.Connections[0].Settings
	child := s.Children["office"]
	if got.Connections[0].Initiates || s.Encapsulate != "no" || s.RekeyTime != "60s" || child.RekeyTime != "600s" ||
		child.InterfaceIn != "1" || child.InterfaceOut != "1" ||
		!reflect.DeepEqual(s.Proposals, []string{"aes256-sha256-ecp256"}) {
		t.Errorf("got %+v", got.Connections[0])
	}
	local, remote := s.Local, s.Remote
	if local.Method != "pubkey" || remote.Method != "pubkey" || !reflect.DeepEqual(local.Certificates, []string{"C"}) ||
		!reflect.DeepEqual(remote.Authorities, []string{"A"}) {
		t.Errorf("got the ends %+v and %+v", local, remote)
	}
	if want := []tunnels.PrivateKey{{Type: "any", Data: "K"}}; !reflect.DeepEqual(got.Keys, want) || len(got.Shared) > 0 {
		t.Errorf("got the keys %+v and %+v", got.Keys, got.Shared)
	}
}

// TestMissingEntryStopsOneTunnel has two tunnels, one of them without its keys.
func TestMissingEntryStopsOneTunnel(t *testing.T) {
	both := document.VPN{SiteToSite: []document.SiteToSite{withCertificate(), branch()}}
	for name, entries := range map[string]map[string][]byte{
		"missing": {"tls.crt": []byte("C"), "ca.crt": []byte("A")},
		"empty":   {"tls.crt": []byte("C"), "ca.crt": []byte("A"), "tls.key": []byte("\n")},
		"long":    {"tls.crt": []byte("C"), "ca.crt": []byte("A"), "tls.key": make([]byte, 1<<16)},
	} {
		entries["branch"] = []byte("canary")
		got := tunnels.Compile(both, entries, true)
		if len(got.Connections) != 1 || got.Connections[0].Name != "branch" || len(got.Keys) != 0 {
			t.Errorf("%s: got %+v", name, got)
		}
		const field = "spec.vpn.siteToSite[0].certificate.privateKey: "
		if len(got.Faults) != 1 || !strings.HasPrefix(got.Faults[0], field) || strings.Contains(got.Faults[0], "canary") {
			t.Errorf("%s: got the faults %q", name, got.Faults)
		}
	}
}

func TestHashesFollowTheirContent(t *testing.T) {
	compile := func(s document.SiteToSite, secret string) tunnels.Config {
		return tunnels.Compile(document.VPN{SiteToSite: []document.SiteToSite{s}},
			map[string][]byte{"branch": []byte(secret)}, true)
	}
	other := branch()
	other.DeadPeerSeconds = 5
	a, same, key, changed := compile(branch(), "a"), compile(branch(), "a"), compile(branch(), "b"), compile(other, "a")
	if a.Connections[0].Hash() != same.Connections[0].Hash() || a.Connections[0].Hash() == changed.Connections[0].Hash() {
		t.Error("the hash of a connection must change with its settings alone")
	}
	if a.SecretsHash() != same.SecretsHash() || a.SecretsHash() == key.SecretsHash() {
		t.Error("the hash of the keys must change with the keys alone")
	}
}
