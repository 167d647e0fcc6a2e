package document_test

import (
	"os"
	"strings"
	"testing"
)

// People copy the example, so it must be accepted.
func TestDocumentationExample(t *testing.T) {
	data, err := os.ReadFile("../../../docs/firewall.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(data), "```yaml\n")
	example, _, found := strings.Cut(after, "```")
	if !found {
		t.Fatal("the documentation has no example")
	}
	d := parse(t, []byte(example))
	if err := d.Validate([]string{"lan", "wan"}); err != nil {
		t.Error(err)
	}
}
