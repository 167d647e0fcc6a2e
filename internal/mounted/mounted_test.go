package mounted_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/mounted"
)

// frequent is how often a takeover of tunnels looks. It must not read and parse all files each time.
const frequent = 10 * time.Millisecond

func TestFilesAreReadOnceInAnInterval(t *testing.T) {
	f := mounted.Files{DocumentFile: filepath.Join(t.TempDir(), "document.yaml"), SecretDirectory: t.TempDir()}
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key := filepath.Join(f.SecretDirectory, "branch")
	state := func(tunnels int, key string, isRefused bool) string { return fmt.Sprint(tunnels, key, isRefused) }
	now := time.Now()
	expect := func(when, want string) {
		t.Helper()
		err := f.Read(now)
		if got := state(len(f.Document().VPN.SiteToSite), string(f.Entries()["branch"]), err != nil); got != want {
			t.Errorf("%s: got %q, want %q", when, got, want)
		}
	}

	write(key, "first")
	expect("without a document", state(0, "first", false))
	write(key, "second")
	write(f.DocumentFile, tunnelDocument)
	now = now.Add(frequent)
	expect("at the next look of a takeover", state(0, "first", false))
	now = now.Add(mounted.Interval - frequent)
	expect("after the interval", state(1, "second", false))
	write(f.DocumentFile, "{")
	now = now.Add(mounted.Interval)
	expect("with a broken document", state(1, "second", true))
	now = now.Add(frequent)
	expect("at the look after that", state(1, "second", true))
}

const tunnelDocument = `apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones: [{name: lan, interfaces: [lan]}, {name: wan, interfaces: [wan]}, {name: far, interfaces: [ipsec0]}]
  vpn:
    siteToSite:
    - name: branch
      localAddress: 203.0.113.1
      remoteAddress: 198.51.100.9
      presharedKey: {key: branch}
      localNetworks: [192.168.50.0/24]
      remoteNetworks: [10.77.0.0/24]
`
