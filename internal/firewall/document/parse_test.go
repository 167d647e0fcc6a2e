package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
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
		t.Error("hashes differ, or are no SHA-256")
	}
}

func TestParseRefusesTextThatIsNoDocument(t *testing.T) {
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
		"too much":        {strings.Repeat(" ", document.MaxBytes+1), "at most 1048576 are allowed"},
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
	if !errors.As(err, &problems) || len(problems.Told) != 4 {
		t.Fatalf("got %v, want four problems", err)
	}
	var problem document.Problem
	if !errors.As(err, &problem) || problem.Path != "services[0].protocol" {
		t.Errorf("the first problem is at %q", problem.Path)
	}

	many := string(full(t))
	for i := range 42 {
		many += strings.Repeat("z", i+1) + ": 1\n"
	}
	_, err = document.Parse([]byte(many))
	if !errors.As(err, &problems) || len(problems.Told) != 20 || problems.Untold != 22 {
		t.Fatalf("got %v, want 20 problems and 22 more", err)
	}
	if !strings.HasSuffix(err.Error(), "\nand 22 more") {
		t.Errorf("the message ends otherwise: %v", err)
	}
}
