//go:build netns

package vpn_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/strongswan"
)

const (
	userAddress = "198.51.100.9"
	password    = "Tr0ub4dor & 3"
)

// forUsers returns the configuration of docs/vpn.md for alice and bob.
func forUsers(t *testing.T) string {
	t.Helper()
	for _, example := range testbed.Examples(t, documentation) {
		if strings.Contains(example, "remoteAccess:") {
			return example
		}
	}
	t.Fatal("docs/vpn.md has no example for users")
	return ""
}

// changed replaces a text, which must be there.
func changed(t *testing.T, text, old, replacement string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("no %q in:\n%s", old, text)
	}
	return strings.ReplaceAll(text, old, replacement)
}

// TestUserConnects connects a user with a password, through a certificate with an intermediate authority.
func TestUserConnects(t *testing.T) {
	t.Parallel()
	root := strongswan.NewAuthority(t, "root.example.com", nil)
	intermediate := strongswan.NewAuthority(t, "intermediate.example.com", root)
	unit := intermediate.Issue(t, "vpn.example.com")

	b := newBed(t)
	b.write("secret/tls.crt", unit.CertificatePEM()+intermediate.CertificatePEM())
	b.write("secret/tls.key", unit.KeyPEM(t))
	b.write("secret/bob", "another password")
	b.write("firewall.json", forUsers(t))
	b.start()
	login := strongswan.Login{
		Address: userAddress, Server: "203.0.113.1", Identity: "vpn.example.com", Authority: root.CertificatePEM(),
		Name: "alice", Password: "a wrong password",
	}
	testbed.Eventually(t, "the missing password is reported", func() bool {
		return strings.Contains(b.health().Unhealthy(),
			`spec.vpn.remoteAccess.users[0].password.key: the Secret has no entry "alice"`)
	})
	b.write("secret/alice", password+"\n")
	testbed.Eventually(t, "the unit waits for users", func() bool {
		report := b.health()
		return report.Unhealthy() == "" && strings.HasSuffix(report.Daemons[0].Detail, "0 tunnels, 0 up, 0 passive, 0 users")
	})

	intruder := strongswan.StartUser(t, b.far, login)
	if intruder.Connect() {
		t.Error("the unit accepts a wrong password")
	}
	if !strings.Contains(b.vpn.Log.String(), "EAP-MS-CHAPv2 verification failed") {
		t.Errorf("the unit refused something else than the password:\n%s", b.vpn.Log.String())
	}
	intruder.Program.Terminate()

	login.Password = password
	user := strongswan.StartUser(t, b.far, login)
	if !user.Connect() {
		t.Fatalf("the unit refuses the password:\n%s\n%s", user.Program.Log.String(), b.vpn.Log.String())
	}
	if want := netip.MustParseAddr("10.88.0.1"); user.Address() != want {
		t.Errorf("the user has the address %s, want %s", user.Address(), want)
	}
	if got := user.Resolver(); !strings.Contains(got, "192.168.50.1") {
		t.Errorf("the client has the DNS servers %q", got)
	}
	testbed.Eventually(t, "TCP passes through the tunnel", func() bool {
		return exchange(t, b.far, b.client, clientAddress)
	})
	testbed.Eventually(t, "the user is counted", func() bool {
		return strings.HasSuffix(b.health().Daemons[0].Detail, ", 1 users")
	})

	withoutAlice := changed(t, forUsers(t), "      - {name: alice, password: {key: alice}}\n", "")
	b.write("firewall.json", changed(t, withoutAlice, "dnsServers: [192.168.50.1]", "dnsServers: [192.168.50.2]"))
	testbed.Eventually(t, "the removed user is disconnected", func() bool {
		return strings.HasSuffix(b.health().Daemons[0].Detail, ", 0 users")
	})
	if user.Connect() {
		t.Error("the unit accepts a user who was removed")
	}
	user.Program.Terminate()

	login.Name, login.Password = "bob", "another password"
	other := strongswan.StartUser(t, b.far, login)
	if !other.Connect() || !strings.Contains(other.Resolver(), "192.168.50.2") {
		t.Errorf("the client of another user has the DNS servers %q", other.Resolver())
	}
	if b.health().Daemons[0].Restarts != 0 {
		t.Error("the daemon was replaced, although it had the pools at its start")
	}
	for _, secret := range []string{password, "another password", "PRIVATE KEY"} {
		if strings.Contains(b.vpn.Log.String(), secret) {
			t.Errorf("the log has %q", secret)
		}
	}
}

// TestPoolsChange gives users addresses of another pool, which charon reads only at its start.
func TestPoolsChange(t *testing.T) {
	t.Parallel()
	root := strongswan.NewAuthority(t, "root.example.com", nil)
	unit := root.Issue(t, "vpn.example.com")
	b := newBed(t)
	b.write("secret/tls.crt", unit.CertificatePEM())
	b.write("secret/tls.key", unit.KeyPEM(t))
	b.write("secret/alice", password)
	b.write("secret/bob", "another password")
	b.write("firewall.json", forUsers(t))
	b.start()
	user := strongswan.StartUser(t, b.far, strongswan.Login{
		Address: userAddress, Server: "203.0.113.1", Identity: "vpn.example.com", Authority: root.CertificatePEM(),
		Name: "alice", Password: password,
	})
	testbed.Eventually(t, "the user is connected", user.Connect)
	others := changed(t, forUsers(t), "10.88.0.0/24", "10.89.0.0/29")
	b.write("firewall.json", changed(t, others, "dnsServers: [192.168.50.1]", "dnsServers: [192.168.50.2]"))
	testbed.Eventually(t, "the daemon has the other pool", func() bool {
		report := b.health()
		return len(report.Daemons) == 1 && report.Daemons[0].LastExit == "other pools" && report.Unhealthy() == ""
	})
	testbed.Eventually(t, "the user is connected again", user.Connect)
	if want := netip.MustParseAddr("10.89.0.1"); user.Address() != want {
		t.Errorf("the user has the address %s, want %s", user.Address(), want)
	}
	if got := user.Resolver(); !strings.Contains(got, "192.168.50.2") {
		t.Errorf("the client has the DNS servers %q", got)
	}
	if restarts := b.health().Daemons[0].Restarts; restarts != 1 {
		t.Errorf("the daemon was replaced %d times, want once", restarts)
	}
}
