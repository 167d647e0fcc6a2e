package architecture

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/test/architecture/internal/language"
)

// root is the project's folder.
const root = "../.."

// maxAverage is the number of words that sentences of a document may have on average.
const maxAverage = 20

// Comments, messages and documents keep to the project's English. `make language` prints the same findings.
func TestLanguage(t *testing.T) {
	report, err := language.CheckTree(root, ".")
	if err != nil {
		t.Fatal(err)
	}
	for _, finding := range report.Findings {
		t.Error(finding)
	}
	if report.Sentences < 500 {
		t.Errorf("only %d sentences of prose were found", report.Sentences)
	}
}

// The sentences of each document are short on average.
func TestAverageSentence(t *testing.T) {
	for _, document := range documents(t) {
		report, err := language.CheckTree(root, document)
		if err != nil {
			t.Fatal(err)
		}
		if average := report.Average(); average > maxAverage {
			t.Errorf("%s has %.1f words a sentence, %d are the limit", document, average, maxAverage)
		}
	}
}

// documents returns the paths of the project's documents below its folder.
func documents(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "charts/*/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range found {
			all = append(all, strings.TrimPrefix(path, root+"/"))
		}
	}
	if len(all) < 20 {
		t.Fatalf("only %d documents were found", len(all))
	}
	return all
}
