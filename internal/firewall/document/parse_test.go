package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

func full(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func parse(t testing.TB, data []byte) document.Document {
	t.Helper()
	d, err := document.Parse(data)
	if err != nil {
		t.Fatalf("parsing:\n%s\n%v", data, err)
	}
	return d
}

func TestParseReadsYAMLAndJSONAlike(t *testing.T) {
	fromYAML := parse(t, full(t))
	asJSON, err := yaml.YAMLToJSON(full(t))
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, asJSON, "", "\t"); err != nil {
		t.Fatal(err)
	}
	for _, data := range [][]byte{asJSON, indented.Bytes(), fromYAML.JSON()} {
		if got := parse(t, data); !reflect.DeepEqual(got, fromYAML) {
			t.Errorf("parsed %+v, want %+v, of:\n%s", got, fromYAML, data)
		}
	}
	if got := fromYAML.Policies[1].Services; !reflect.DeepEqual(got, []string{"web", "dns", "ping", "ping6"}) {
		t.Errorf("services of the second policy are %v", got)
	}
}

func TestJSONIsCanonical(t *testing.T) {
	d := parse(t, full(t))
	again := parse(t, d.JSON())
	if !bytes.Equal(again.JSON(), d.JSON()) {
		t.Errorf("JSON of the parsed JSON differs:\n%s\n%s", again.JSON(), d.JSON())
	}
	if document.Hash(d.JSON()) != document.Hash(again.JSON()) || len(document.Hash(nil)) != 64 {
		t.Error("hashes differ, or are not SHA-256")
	}
}

func TestParseRefusesOtherText(t *testing.T) {
	cases := map[string]struct{ data, want string }{
		"nothing":         {"", "the document is empty"},
		"a comment":       {"# nothing yet\n", "the document is empty"},
		"two documents":   {"apiVersion: a\n---\nkind: b\n", "more than one document"},
		"two in JSON":     {"{} {}", "more than one document"},
		"a broken one":    {"zones: [", "not valid YAML"},
		"broken JSON":     {`{"zones": [}`, "not valid JSON"},
		"an anchor":       {"zones: &z []\npolicies: *z\n", "anchors are not supported"},
		"a tag":           {"zones: !!binary aGVsbG8=\n", "the tag !!binary is not supported"},
		"a merge":         {"<<: {a: b}\n", "name of a field must be a plain string"},
		"a number as key": {"1: 2\n", "name of a field must be a plain string"},
		"a list":          {"[1]", "must be an object and is a list"},
		"deep nesting":    {strings.Repeat("[", 100) + strings.Repeat("]", 100), "nested more than 16 deep"},
		"deep JSON":       {`{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}", "nested more than 16 deep"},
		"too much":        {strings.Repeat(" ", document.MaxTextBytes+1), "at most 3145728 are allowed"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := document.Parse([]byte(c.data))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestProblemsAreReportedTogetherAndBounded(t *testing.T) {
	typingErrors := strings.NewReplacer(
		"protocol: TCP", "protocol: tcp", "ports: [53]", "ports: [0]", "action: Reject", "acton: Reject")
	bad := typingErrors.Replace(string(full(t)))
	_, err := document.Parse([]byte(bad))
	var problems *document.Problems
	if !errors.As(err, &problems) || len(problems.Listed) != 4 {
		t.Fatalf("got %v, want four problems", err)
	}
	var problem document.Problem
	if !errors.As(err, &problem) || problem.Path != "spec.services[0].protocol" {
		t.Errorf("the first problem is at %q", problem.Path)
	}

	many := string(full(t))
	for i := range 42 {
		many += "  " + strings.Repeat("z", i+1) + ": 1\n"
	}
	_, err = document.Parse([]byte(many))
	if !errors.As(err, &problems) || len(problems.Listed) != 20 || problems.Omitted != 22 {
		t.Fatalf("got %v, want 20 problems and 22 more", err)
	}
	if !strings.HasSuffix(err.Error(), "\nand 22 more") {
		t.Errorf("the message does not end with the number of omitted problems: %v", err)
	}
}

func TestParseIgnoresMetadataAndStatus(t *testing.T) {
	asPrinted := strings.Replace(string(full(t)), "spec:\n", `metadata:
  annotations: {kubectl.kubernetes.io/last-applied-configuration: "{}"}
  creationTimestamp: "2026-01-01T00:00:00Z"
  generation: 3
  name: edge
spec:
`, 1) + `status:
  conditions: []
  observedGeneration: 3
`
	if got := parse(t, []byte(asPrinted)); !reflect.DeepEqual(got, parse(t, full(t))) {
		t.Errorf("parsed %+v", got)
	}
}

func TestParseManifestsFindsTheConfigurationAmongOthers(t *testing.T) {
	const pair = "apiVersion: hapair.io/v1alpha1\nkind: HAPair\nspec: {firewall: {configurationRef: {name: edge}}}\n"
	want := parse(t, full(t))
	for name, text := range map[string]string{
		"alone": string(full(t)), "as JSON": string(want.JSON()),
		"first": string(full(t)) + "---\n" + pair, "last": "---\n" + pair + "---\n" + string(full(t)),
	} {
		got, err := document.ParseManifests([]byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: parsed %+v, %v", name, got, err)
		}
	}
	for name, c := range map[string]struct{ text, want string }{
		"none":       {pair + "---\n" + pair, "there are 0 objects of kind FirewallConfiguration among 2; give exactly one"},
		"two":        {string(full(t)) + "---\n" + string(full(t)), "there are 2 objects"},
		"another":    {pair, `kind: must be FirewallConfiguration and is "HAPair"`},
		"too many":   {strings.Repeat("---\na: b\n", 1100), "more than 1024 documents"},
		"broken":     {pair + "---\na: [", "not valid YAML after document 1"},
		"wrong":      {pair + "---\n" + strings.Replace(string(full(t)), "[lan]", "[lo]", 1), "spec.zones[0].interfaces[0]"},
		"an anchor":  {pair + "---\nkind: FirewallConfiguration\nspec: &a {}", "anchors are not supported"},
		"too large":  {strings.Repeat(" ", document.MaxTextBytes+1), "at most 3145728 are allowed"},
		"not a list": {"[a]\n---\n[b]\n", "there are 0 objects"},
	} {
		if _, err := document.ParseManifests([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// A document is refused by the size in which it is stored, whatever its text has.
func TestDocumentsWhoseStoredFormIsTooLargeAreRefused(t *testing.T) {
	text := func(objects, members int, address func(i int) string) string {
		var b strings.Builder
		b.WriteString("apiVersion: hapair.io/v1alpha1\nkind: FirewallConfiguration\nspec:\n" +
			"  zones: [{name: lan, interfaces: [lan]}]\n  addresses:\n")
		for object := range objects {
			fmt.Fprintf(&b, "  - name: a%d\n    members: [", object)
			for member := range members {
				b.WriteString(address(object*members+member) + ",")
			}
			b.WriteString("]\n")
		}
		return b.String()
	}
	v4 := func(i int) string { return fmt.Sprintf("10.%d.%d.%d", i>>15, i>>7&255, i<<1&255) }
	v6 := func(i int) string { return fmt.Sprintf("2001:db8:1111:2222:3333:4444:5555:%x", 0x1000+2*i) }
	routes := "  routing:\n    routes:\n"
	for i := range 4096 {
		routes += fmt.Sprintf("    - {name: %s%04x, to: 2001:db8:%x::/48, interface: lan, via: %s}\n",
			strings.Repeat("r", 59), i, 0x1000+i, v6(i))
	}
	for name, c := range map[string]struct{ data, want string }{
		"most bytes in routes":    {text(1, 12000, v6) + routes, "spec.routing: "},
		"58,000 members of IPv4":  {text(4, 14500, v4), ""},
		"28,000 members of IPv6":  {text(2, 14000, v6), "as it is stored, and at most 1048576 are allowed"},
		"more members than bytes": {text(5, 16000, v4), "have 80000 members together, at most 65536 are allowed"},
		"the field of most bytes": {text(2, 14000, v6), "spec.addresses: "},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := document.Parse([]byte(c.data))
			if c.want == "" {
				if err != nil || len(d.JSON()) > document.MaxBytes {
					t.Errorf("got %v, and %d bytes", err, len(d.JSON()))
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
