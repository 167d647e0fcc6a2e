package tunnels_test

import (
	"encoding/pem"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/vpn/tunnels"
)

func forUsers() document.RemoteAccess {
	return document.RemoteAccess{
		LocalAddress: netip.MustParseAddr("203.0.113.1"),
		Certificate:  document.ServerCertificate{Certificate: "tls.crt", PrivateKey: "tls.key"},
		Pools:        []netip.Prefix{netip.MustParsePrefix("10.88.0.0/24"), netip.MustParsePrefix("fd88::/112")},
		Users: []document.RemoteUser{
			{Name: "alice", Password: document.Password{Key: "a"}}, {Name: "bob", Password: document.Password{Key: "b"}},
		},
	}
}

func certificate(text string) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(text)}))
}

func TestRemoteAccess(t *testing.T) {
	got := tunnels.Compile(document.VPN{RemoteAccess: forUsers()}, map[string][]byte{
		"tls.crt": []byte(certificate("own") + certificate("intermediate")), "tls.key": []byte("K"),
		"a": []byte("one\n"), "b": []byte("two"),
	}, true)
	s := got.Connections[0].Settings
	child := s.Children["remoteAccess"]
	if got.Connections[0].Name != "remoteAccess" || got.Connections[0].Initiates || s.Unique != "never" ||
		!slices.Equal(s.RemoteAddresses, []string{"%any"}) || s.Remote.Method != "eap-mschapv2" ||
		s.Remote.EAPIdentity != "%any" || s.Local.Identity != "203.0.113.1" ||
		!slices.Equal(child.LocalTS, []string{"0.0.0.0/0", "::/0"}) || len(child.RemoteTS) > 0 {
		t.Errorf("got %+v", got.Connections[0])
	}
	want := []string{"10-88-0-0-24", "fd88-0000-0000-0000-0000-0000-0000-0000-112"}
	if !slices.Equal(s.Pools, want) || !slices.Equal(tunnels.PoolNames(forUsers().Pools), want) {
		t.Errorf("got the pools %q, want %q", s.Pools, want)
	}
	if !slices.Equal(s.Local.Certificates, []string{strings.TrimSpace(certificate("own"))}) ||
		len(got.Authorities) != 1 || got.Authorities[0].Data != strings.TrimSpace(certificate("intermediate")) {
		t.Errorf("got the certificates %q and %q", s.Local.Certificates, got.Authorities)
	}
	if want := []tunnels.Shared{
		{ID: "remoteAccess:alice", Type: "EAP", Data: "one", Owners: []string{"alice"}},
		{ID: "remoteAccess:bob", Type: "EAP", Data: "two", Owners: []string{"bob"}},
	}; !reflect.DeepEqual(got.Shared, want) {
		t.Errorf("got the passwords %+v, want %+v", got.Shared, want)
	}
}

// TestPasswordThatCannotBeUsed has one user whose password is missing or not ASCII. The other can connect.
func TestPasswordThatCannotBeUsed(t *testing.T) {
	const field = "spec.vpn.remoteAccess.users[0].password.key: "
	for want, entry := range map[string]string{
		field + `the Secret has no entry "a"`:                           "",
		field + `the entry "a" of the Secret has characters other than`: "Pässwort",
	} {
		secret := map[string][]byte{"tls.crt": []byte("C"), "tls.key": []byte("K"), "b": []byte("two")}
		if entry != "" {
			secret["a"] = []byte(entry)
		}
		got := tunnels.Compile(document.VPN{RemoteAccess: forUsers()}, secret, false)
		if len(got.Connections) != 1 || len(got.Shared) != 1 || got.Shared[0].ID != "remoteAccess:bob" {
			t.Errorf("got %+v", got)
		}
		if len(got.Faults) != 1 || !strings.HasPrefix(got.Faults[0], want) || strings.Contains(got.Faults[0], "Pässwort") {
			t.Errorf("got the faults %q, want %q", got.Faults, want)
		}
	}
}

// A tunnel whose preshared key is a user's password at the same time may have one that is not ASCII.
func TestFaultOfAPasswordStopsNoTunnel(t *testing.T) {
	users := forUsers()
	users.Users[0].Password.Key = "branch"
	got := tunnels.Compile(document.VPN{SiteToSite: []document.SiteToSite{branch()}, RemoteAccess: users},
		map[string][]byte{"tls.crt": []byte("C"), "tls.key": []byte("K"), "branch": []byte("ß"), "b": []byte("two")}, true)
	if len(got.Connections) != 2 || len(got.Faults) != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestRemoteAccessNeedsItsCertificate(t *testing.T) {
	got := tunnels.Compile(document.VPN{RemoteAccess: forUsers()},
		map[string][]byte{"tls.crt": []byte("C"), "a": []byte("one"), "b": []byte("two")}, true)
	if len(got.Connections) > 0 || len(got.Shared) > 0 || len(got.Faults) != 1 ||
		!strings.HasPrefix(got.Faults[0], "spec.vpn.remoteAccess.certificate.privateKey: ") {
		t.Errorf("got %+v", got)
	}
}
