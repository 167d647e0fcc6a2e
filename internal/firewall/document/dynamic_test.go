package document_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

const dynamicDocument = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones: [{name: lan, interfaces: [lan]}, {name: wan, interfaces: [wan]}]
  addresses:
  - {name: net, members: [192.0.2.0/24]}
  - {name: updates, fqdn: [updates.example.com]}
  - {name: scanners, dynamic: true}
  policies:
  - {name: p, from: [lan], to: [wan], source: [scanners, net], destination: [updates], action: Accept,
     remember: {object: scanners, seconds: 60}}
  sourceNAT: [{name: s, to: wan, source: [net], address: 203.0.113.1}]
  routing: {policyRoutes: [{name: r, from: [lan], destination: [net], type: Exempt}]}
  resolvers: [192.0.2.53]
`

// Each case changes one place of a document with dynamic objects, and has the report that is expected.
func TestDynamicObjectsAreChecked(t *testing.T) {
	if _, err := document.Parse([]byte(dynamicDocument)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, changed, want string }{
		{
			", fqdn: [updates.example.com]", "",
			"spec.addresses[1].members: at least one is needed, unless the object has fqdn or dynamic",
		},
		{
			"fqdn: [updates.example.com]", "fqdn: [a.example.com, '*.example.com']",
			`spec.addresses[1].fqdn[1]: "*.example.com" has a wildcard`,
		},
		{
			"updates.example.com", "Updates.example.com",
			`spec.addresses[1].fqdn[0]: "Updates.example.com" is not a full DNS name in lower case`,
		},
		{"updates.example.com", "localhost", `spec.addresses[1].fqdn[0]: "localhost" is not a full DNS name`},
		{
			"updates.example.com", strings.Repeat("a.", 126) + "com",
			`spec.addresses[1].fqdn[0]: "a.a.`,
		},
		{"object: scanners", "object: nobody", `spec.policies[0].remember.object: unknown address object "nobody"`},
		{
			"object: scanners", "object: updates",
			`spec.policies[0].remember.object: "updates" has no dynamic: true`,
		},
		{"seconds: 60", "seconds: 0", "spec.policies[0].remember.seconds: must be a whole number from 1 to 65535"},
		{", seconds: 60", "", "spec.policies[0].remember.seconds: must be set"},
		{"seconds: 60", "seconds: 60, side: Both", `spec.policies[0].remember.side: unknown value "Both"`},
		{
			"source: [net], address", "source: [updates], address",
			`spec.sourceNAT[0].source[0]: "updates" has fqdn or dynamic`,
		},
		{
			"destination: [net], type", "destination: [scanners], type",
			`spec.routing.policyRoutes[0].destination[0]: "scanners" has fqdn or dynamic`,
		},
		{"resolvers: [192.0.2.53]", "resolvers: [127.0.0.1]", "spec.resolvers[0]: 127.0.0.1 is not a host's address"},
		{
			"resolvers: [192.0.2.53]", "resolvers: [192.0.2.1, 192.0.2.2, 192.0.2.3, 192.0.2.4, 192.0.2.5]",
			"spec.resolvers: has 5 entries, at most 4 are allowed",
		},
		{
			"- {name: net,", manyObjects("dynamic: true", 256) + "  - {name: net,",
			"spec.addresses: have 258 objects with fqdn or dynamic, at most 256 are allowed",
		},
		{
			"- {name: net,", manyObjects("fqdn: [N.example.com]", 65) + "  - {name: net,",
			"spec.addresses: have 4161 different DNS names together, at most 4096 are allowed",
		},
	} {
		text := strings.Replace(dynamicDocument, c.old, c.changed, 1)
		if text == dynamicDocument {
			t.Errorf("%q is not in the document", c.old)
		}
		if _, err := document.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v\nwant %s", c.changed, err, c.want)
		}
	}
}

// manyObjects returns address objects. An N in their content stands for 64 names.
func manyObjects(content string, count int) string {
	var b strings.Builder
	for i := range count {
		names := make([]string, 64)
		for j := range names {
			names[j] = fmt.Sprintf("n%d-%d.example.com", i, j)
		}
		fmt.Fprintf(&b, "- {name: o%d, %s}\n  ", i, strings.ReplaceAll(content, "N.example.com", strings.Join(names, ", ")))
	}
	return strings.TrimSuffix(b.String(), "  ")
}
