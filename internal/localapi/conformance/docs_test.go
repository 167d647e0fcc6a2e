package conformance_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/localapi/conformance"
)

// A third party writes its provider from this page alone.
func TestContractIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../../../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	var wanted []string
	for _, s := range conformance.Scripts() {
		wanted = append(wanted, fmt.Sprintf("| `%s` | %s |", s.Name, s.Summary))
	}
	for _, operation := range localapi.Operations() {
		wanted = append(wanted, fmt.Sprintf("| `%s %s", operation.Method, operation.Path))
		for _, parameter := range operation.Query {
			wanted = append(wanted, parameter.Name+"=")
		}
	}
	for _, e := range []localapi.EventType{
		localapi.List, localapi.Listed, localapi.Put, localapi.Delete, localapi.RoleChanged, localapi.TermChanged,
		localapi.HandoverSoon, localapi.Ping,
	} {
		wanted = append(wanted, fmt.Sprintf("| `%s` | ", e))
	}
	for _, p := range localapi.ProblemTypes() {
		name := strings.TrimPrefix(string(p), "urn:hapair:problem:")
		wanted = append(wanted, fmt.Sprintf("| %d | `%s` | ", p.Status(), name))
	}
	for _, part := range wanted {
		if !strings.Contains(string(text), part) {
			t.Errorf("docs/providers.md has no %q", part)
		}
	}
}
