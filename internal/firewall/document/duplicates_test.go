package document_test

import (
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

const once = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones:
  - {name: lan, interfaces: [lan]}
  - {name: wan, interfaces: [wan]}
  addresses:
  - {name: hosts, members: [192.0.2.1, 192.0.2.0/24, 192.0.2.7-192.0.2.9]}
  services:
  - {name: web, protocol: TCP, ports: [80, 8000-8010]}
  policies:
  - name: any
    from: [lan]
    to: [wan, firewall]
    source: [hosts]
    destination: [hosts]
    services: [web]
    action: Accept
  sourceNAT:
  - {name: out, to: wan, source: [hosts], destination: [hosts], address: 203.0.113.1}
  routing:
    policyRoutes:
    - {name: out, from: [lan], source: [hosts], destination: [hosts], interface: wan}
`

// A list that has a value twice means the same as one that has it once, in whatever form it is written.
func TestExactDuplicatesAreMerged(t *testing.T) {
	twice := strings.NewReplacer(
		"interfaces: [lan]", "interfaces: [lan, lan]",
		"192.0.2.7-192.0.2.9", "192.0.2.7-192.0.2.9, 192.0.2.1/32, 192.0.2.0-192.0.2.255, 192.0.2.7 - 192.0.2.9",
		"[80, 8000-8010]", `[80, 8000-8010, "80", 80-80]`,
		"from: [lan]", "from: [lan, lan]", "[wan, firewall]", "[wan, firewall, wan]",
		"[hosts]", "[hosts, hosts, hosts]", "[web]", "[web, web]",
	).Replace(once)
	want, err := document.Parse([]byte(once))
	if err != nil {
		t.Fatal(err)
	}
	got, err := document.Parse([]byte(twice))
	if err != nil {
		t.Fatal(err)
	}
	if string(got.JSON()) != string(want.JSON()) {
		t.Errorf("got %s, want %s", got.JSON(), want.JSON())
	}
	// An interface in two zones is no duplicate, and neither are two objects of one name.
	for old, changed := range map[string]string{
		"interfaces: [wan]": "interfaces: [wan, lan]", "  services:\n": "  services:\n  - {name: web, protocol: UDP}\n",
	} {
		if _, err := document.Parse([]byte(strings.Replace(once, old, changed, 1))); err == nil {
			t.Errorf("%q is accepted", changed)
		}
	}
}
