package vpn

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/kernel/xfrm"
	"github.com/hapair-io/hapair/internal/mounted"
	"github.com/hapair-io/hapair/internal/vpn/tunnels"
)

// A key that charon refuses is reported at each look. It stops no other tunnel, and the keys are not loaded again.
func TestRefusedKeyStopsNoOtherTunnel(t *testing.T) {
	d := &daemon{refused: "load-key"}
	k := newTestKeeper(t, d)
	wanted := tunnels.Config{
		Keys: []tunnels.PrivateKey{{Type: "any", Data: "no key"}}, Connections: []tunnels.Connection{{Name: "branch"}},
	}
	for range 2 {
		refused, err := k.load(t.Context(), wanted)
		if err != nil || len(refused) != 1 || !strings.Contains(refused[0], "private key") {
			t.Errorf("got %q and %v, want the refused key", refused, err)
		}
	}
	if loads, clears := d.count("load-conn"), d.count("clear-creds"); loads != 1 || clears != 1 {
		t.Errorf("the tunnel was loaded %d times, and the keys %d times; want once", loads, clears)
	}
}

// Charon has no keys after it lost its session while it replaced them. So the former ones are loaded again.
func TestFormerKeysAreLoadedAgain(t *testing.T) {
	keys := func(data string) tunnels.Config {
		return tunnels.Config{Shared: []tunnels.Shared{{ID: "branch", Type: "IKE", Data: data}}}
	}
	d := &daemon{}
	k := newTestKeeper(t, d)
	if _, err := k.load(t.Context(), keys("former")); err != nil {
		t.Fatal(err)
	}
	k.session = connectTo(t, &daemon{endsAt: "load-shared"})
	if _, err := k.load(t.Context(), keys("new")); err == nil {
		t.Error("no error from a session that has ended")
	}
	d = &daemon{}
	k.session = connectTo(t, d)
	if _, err := k.load(t.Context(), keys("former")); err != nil || d.count("load-shared") != 1 {
		t.Errorf("got %v and the commands %q, want the former key", err, d.commands)
	}
}

// The plan for new keys must have all SAs of the other unit, also those that charon takes in late.
func TestNewKeysAreNotPlannedBeforeAllSAsAreActive(t *testing.T) {
	k := newTestKeeper(t, &daemon{})
	k.sas = &xfrm.Table{} // It has no socket, so that a plan fails.
	k.present = sas{{name: "branch", state: passive, children: []string{"1"}}}
	if err := k.plan(tunnels.Config{}); err != nil || k.spread != nil {
		t.Errorf("got %v and the plan %+v, want none yet", err, k.spread)
	}
}

// Charon is told again to read its settings if its session ended before the answer.
func TestSettingsAreReadAgain(t *testing.T) {
	d := &daemon{endsAt: "reload-settings"}
	k := newTestKeeper(t, d)
	k.written.settings.Pools = []netip.Prefix{netip.MustParsePrefix("10.88.0.0/24")}
	readUserDocument(t, k)
	if _, err := k.keepSettings(t.Context()); err == nil {
		t.Error("no error from a session that has ended")
	}
	d = &daemon{}
	k.session = connectTo(t, d)
	for range 2 {
		if mustRestart, err := k.keepSettings(t.Context()); mustRestart || err != nil || d.count("reload-settings") != 1 {
			t.Errorf("got %t, %v and the commands %q, want one command", mustRestart, err, d.commands)
		}
	}
}

// TestOnlyRemovedUsersAreDisconnected has names in another case than the document.
func TestOnlyRemovedUsersAreDisconnected(t *testing.T) {
	d := &daemon{}
	k := newTestKeeper(t, d)
	readUserDocument(t, k)
	connect := func(names ...string) {
		k.present = nil
		for _, name := range names {
			k.present = append(k.present, sa{name: document.RemoteAccessName, state: established, user: name})
		}
	}
	connect("alice", "Alice")
	if err := k.endRemoved(t.Context()); err != nil || d.count("terminate") != 0 {
		t.Errorf("got %v and the commands %q, want none", err, d.commands)
	}
	connect("alice", "bob", "ALICE")
	if err := k.endRemoved(t.Context()); err != nil || d.count("terminate") != 1 {
		t.Errorf("got %v and the commands %q, want one for bob", err, d.commands)
	}
}

// readUserDocument makes a keeper read userDocument.
func readUserDocument(t *testing.T, k *Keeper) {
	t.Helper()
	k.files = mounted.Files{DocumentFile: filepath.Join(t.TempDir(), "document.yaml"), SecretDirectory: t.TempDir()}
	if err := os.WriteFile(k.files.DocumentFile, []byte(userDocument), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := k.files.Read(time.Now()); err != nil {
		t.Fatal(err)
	}
}

const userDocument = `apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones: [{name: lan, interfaces: [lan]}, {name: wan, interfaces: [wan]}, {name: users, interfaces: [ipsec0]}]
  vpn:
    remoteAccess:
      localAddress: 203.0.113.1
      certificate: {certificate: tls.crt, privateKey: tls.key}
      pools: [10.88.0.0/24]
      dnsServers: [192.168.50.1]
      users: [{name: alice, password: {key: alice}}]
`
