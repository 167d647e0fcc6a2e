package openapi_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/localapi/openapi"
	"github.com/hapair-io/hapair/internal/state"
)

var update = flag.Bool("update", false, "write the description instead of comparing it")

const committed = "../../../api/local/v1/openapi.yaml"

// The description is generated. To write it again, run make generate.
func TestDescriptionIsCurrent(t *testing.T) {
	generated, err := openapi.Document("../../..")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(committed, generated, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if text, err := os.ReadFile(committed); err != nil || !bytes.Equal(text, generated) {
		t.Errorf("%s is not what the types say (%v); run make generate. Got:\n%s", committed, err, generated)
	}
}

// A generator of clients stops at a reference that leads nowhere, and at two operations with one name.
func TestDescriptionIsConsistent(t *testing.T) {
	generated, err := openapi.Document("../../..")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths      map[string]map[string]any
		Components struct{ Schemas map[string]map[string]any }
	}
	if err := yaml.Unmarshal(generated, &document); err != nil {
		t.Fatal(err)
	}
	operations := map[string]bool{}
	for path, item := range document.Paths {
		for method, described := range item {
			id, _ := described.(map[string]any)["operationId"].(string)
			if id == "" || operations[id] {
				t.Errorf("%s %s has the name %q, which is empty or not its own", method, path, id)
			}
			operations[id] = true
		}
	}
	if len(operations) != len(localapi.Operations()) {
		t.Errorf("%d operations are described, want %d", len(operations), len(localapi.Operations()))
	}
	const reference = "$ref: '#/components/schemas/"
	references := 0
	for line := range strings.SplitSeq(string(generated), "\n") {
		if _, name, found := strings.Cut(line, reference); found {
			references++
			if document.Components.Schemas[strings.Trim(name, "'")] == nil {
				t.Errorf("%s leads nowhere", line)
			}
		}
	}
	if references == 0 {
		t.Error("the description has no reference")
	}
	for name, schema := range document.Components.Schemas {
		if schema["description"] == nil {
			t.Errorf("type %s has no description", name)
		}
	}
}

// Every class that a program of this repository publishes has schemas of its values.
func TestBuiltInClassesHaveSchemas(t *testing.T) {
	generated, err := openapi.Document("../../..")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Components struct {
			Schemas map[string]struct{ Properties map[string]any }
		}
		Classes map[string][]struct{ Key, Schema string } `json:"x-class-values"`
	}
	if err := yaml.Unmarshal(generated, &document); err != nil {
		t.Fatal(err)
	}
	for _, row := range state.Classes() {
		if !row.Provided || row.ID == state.Custom {
			continue
		}
		values := document.Classes[row.Name]
		if len(values) == 0 {
			t.Errorf("class %s has no schema; add its types in classes.go", row.Name)
		}
		for _, v := range values {
			name := strings.TrimPrefix(v.Schema, "#/components/schemas/")
			if v.Key == "" || len(document.Components.Schemas[name].Properties) == 0 {
				t.Errorf("class %s: schema %q of %q is empty", row.Name, name, v.Key)
			}
		}
	}
}
