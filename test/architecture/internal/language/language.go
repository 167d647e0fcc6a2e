// Package language checks the project's English: the words of comments, messages and documents, how functions are
// documented, and how long sentences are. It reads text and changes nothing. The tests of package architecture run it
// over the whole tree; the command in lint runs it over a part of it.
package language

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// MaxSentence is the number of words that no sentence may exceed.
const MaxSentence = 40

// Finding is one place that breaks a rule.
type Finding struct {
	File string
	Line int
	Rule string
	// Text quotes what broke the rule.
	Text string
}

// String returns the finding as compilers print theirs, so that editors can jump to it.
func (f Finding) String() string { return fmt.Sprintf("%s:%d: %s: %s", f.File, f.Line, f.Rule, f.Text) }

// Report is what a check found in one file.
type Report struct {
	Findings []Finding
	// Sentences and Words count the prose of documents. They are zero for code.
	Sentences, Words int
}

// Average returns the number of words of a sentence, or zero without prose.
func (r Report) Average() float64 {
	if r.Sentences == 0 {
		return 0
	}
	return float64(r.Words) / float64(r.Sentences)
}

func (r *Report) add(other Report) {
	r.Findings = append(r.Findings, other.Findings...)
	r.Sentences += other.Sentences
	r.Words += other.Words
}

// CheckTree checks every file below a folder of the project. Paths in the report are relative to root.
func CheckTree(root, below string) (Report, error) {
	var all Report
	err := filepath.WalkDir(filepath.Join(root, below), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if skipFolder(name) {
				return filepath.SkipDir
			}
			return nil
		}
		check := checkerOf(name)
		if check == nil {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		report, err := check(name, text)
		if err != nil {
			return err
		}
		all.add(report)
		return nil
	})
	slices.SortStableFunc(all.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return all, err
}

// skipFolder reports whether a folder holds nothing that the project wrote, or the words that are looked for.
func skipFolder(name string) bool {
	switch filepath.Base(name) {
	case ".git", "bin", "testdata":
		return true
	}
	return filepath.ToSlash(name) == "test/architecture/internal/language"
}

type checker func(name string, text []byte) (Report, error)

// checkerOf returns the checker for a kind of file, or nil for a file without prose.
func checkerOf(name string) checker {
	base := filepath.Base(name)
	switch {
	case strings.HasPrefix(base, "zz_generated"), strings.HasPrefix(base, "hapair.io_"): // text of api and of Kubernetes
		return nil
	case strings.HasSuffix(base, ".go"):
		return checkGo
	case strings.HasSuffix(base, ".md"):
		return checkMarkdown
	case base == "Makefile", base == "run", base == ".golangci.yml":
		return checkLines
	}
	switch filepath.Ext(base) {
	case ".yaml", ".tpl", ".txt", ".sh", ".pml", ".json":
		return checkLines
	}
	return nil
}
