package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// gofmt turns two apostrophes in a doc comment into a typographic quote. In a CEL rule of a kubebuilder marker that
// makes the API server refuse the CRD.
func TestNoTypographicQuotes(t *testing.T) {
	files := 0
	for _, pattern := range []string{"crd/*.yaml", "rbac/*.yaml", "../api/v1alpha1/*.go", "../controllers/*/*.go"} {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range matches {
			files++
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			number := 0
			for line := range strings.Lines(string(text)) {
				number++
				isGo := strings.HasSuffix(file, ".go")
				if isGo && !strings.Contains(line, "+kubebuilder:") {
					continue
				}
				if strings.ContainsAny(line, "“”‘’") {
					t.Errorf("%s:%d has a typographic quote: %s", file, number, strings.TrimSpace(line))
				}
			}
		}
	}
	if files < 20 {
		t.Errorf("only %d files were read", files)
	}
}
