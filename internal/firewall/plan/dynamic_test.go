package plan_test

import (
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/plan"
)

// A dynamic object may have had the address of a connection when it began. So it may allow a connection, and ends none.
func TestRevalidationWithDynamicObjects(t *testing.T) {
	d, err := document.Parse([]byte(`
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan]}
  - {name: wan, interfaces: [wan]}
  addresses:
  - {name: blocked, dynamic: true}
  - {name: updates, members: [192.0.2.10], fqdn: [updates.example.com]}
  services:
  - {name: web, protocol: TCP, ports: [80]}
  - {name: mail, protocol: TCP, ports: [25]}
  policies:
  - {name: blocked, from: [lan], to: [wan], source: [blocked], action: Drop}
  - {name: updates, from: [lan], to: [wan], destination: [updates], services: [web], action: Accept}
  - {name: mail, from: [lan], to: [wan], services: [mail], action: Accept}
`))
	if err != nil {
		t.Fatal(err)
	}
	decisions := plan.Revalidate(d)
	for text, want := range map[string]bool{
		"lan>wan 6/0 192.168.50.7:1024 192.0.2.10:80":   true,
		"lan>wan 6/0 192.168.50.7:1024 198.51.100.9:80": true,
		"lan>wan 6/0 192.168.50.7:1024 198.51.100.9:25": true,
		"lan>wan 6/0 192.168.50.7:1024 198.51.100.9:22": false,
	} {
		if got := decisions.Allows(connectionOf(t, text)); got != want {
			t.Errorf("%s is allowed: %t, want %t", text, got, want)
		}
	}
}
