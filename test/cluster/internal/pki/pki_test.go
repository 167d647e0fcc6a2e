package pki

import (
	"crypto/x509"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestEnsureMakesPairsThatTheAuthorityVouchesFor(t *testing.T) {
	dir := t.TempDir()
	wanted := Certificate{
		Name: "kubelet", CommonName: "system:node:worker-1", Organizations: []string{"system:nodes"},
		Addresses: []netip.Addr{netip.MustParseAddr("10.90.0.11")}, DNSNames: []string{"worker-1"},
	}
	ensure(t, dir, wanted)

	authority, _, err := readPair(filepath.Join(dir, AuthorityName))
	if err != nil {
		t.Fatal(err)
	}
	certificate, _, err := readPair(filepath.Join(dir, "kubelet"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	for _, name := range []string{"worker-1", "10.90.0.11"} {
		for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth} {
			options := x509.VerifyOptions{Roots: roots, DNSName: name, KeyUsages: []x509.ExtKeyUsage{usage}}
			if _, err := certificate.Verify(options); err != nil {
				t.Errorf("verifying for %s: %v", name, err)
			}
		}
	}
	subject := certificate.Subject
	if subject.CommonName != wanted.CommonName || !slices.Equal(subject.Organization, wanted.Organizations) {
		t.Errorf("subject = %s", subject)
	}
}

func TestEnsureKeepsWhatIsGood(t *testing.T) {
	dir := t.TempDir()
	wanted := []Certificate{{Name: "a", CommonName: "a"}, {Name: "b", CommonName: "b"}}
	ensure(t, dir, wanted...)
	before := contents(t, dir)
	ensure(t, dir, wanted...)
	for name, content := range contents(t, dir) {
		if content != before[name] {
			t.Errorf("%s was created again", name)
		}
	}
}

func TestEnsureRepairs(t *testing.T) {
	damages := map[string]func(dir string) error{
		"a missing key":           func(dir string) error { return os.Remove(filepath.Join(dir, "a.key")) },
		"a truncated certificate": func(dir string) error { return os.Truncate(filepath.Join(dir, "a.crt"), 100) },
		"a key of another pair": func(dir string) error {
			return os.Rename(filepath.Join(dir, "b.key"), filepath.Join(dir, "a.key"))
		},
		"another authority":  func(dir string) error { return os.Remove(filepath.Join(dir, "ca.crt")) },
		"a missing verifier": func(dir string) error { return os.Remove(filepath.Join(dir, ServiceAccountVerifier)) },
	}
	wanted := []Certificate{{Name: "a", CommonName: "a"}, {Name: "b", CommonName: "b"}}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			ensure(t, dir, wanted...)
			if err := damage(dir); err != nil {
				t.Fatal(err)
			}
			ensure(t, dir, wanted...)
			authority, err := ensureAuthority(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range wanted {
				certificate, _, err := readPair(filepath.Join(dir, w.Name))
				if err != nil || !authority.isValid(certificate) {
					t.Errorf("%s is not valid: %v", w.Name, err)
				}
			}
			if _, err := readBlock(filepath.Join(dir, ServiceAccountVerifier), publicKeyBlock); err != nil {
				t.Error(err)
			}
		})
	}
}

func ensure(t *testing.T, dir string, certificates ...Certificate) {
	t.Helper()
	if err := Ensure(dir, certificates); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[entry.Name()] = string(content)
	}
	return found
}
