package language

import (
	"fmt"
	"strings"
	"testing"
)

func findings(t *testing.T, name, text string) []string {
	t.Helper()
	report, err := checkerOf(name)(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range report.Findings {
		all = append(all, fmt.Sprintf("%d %s", f.Line, f.Rule))
	}
	return all
}

func TestFindings(t *testing.T) {
	long := strings.Repeat("word ", MaxSentence) + "end."
	for name, c := range map[string]struct{ file, text, want string }{
		"banned word in a comment":     {"a.go", "package a\n\n// It starts anew.\nvar a int\n", "3 write again"},
		"banned word in a message":     {"a.go", "package a\n\nvar a = \"mended\"\n", "3 write fix"},
		"banned word in a test":        {"a_test.go", "package a\n\n// Whoever calls.\nvar a int\n", "3 write anyone"},
		"banned word in a longer word": {"a.go", "package a\n\n// A commendable canew.\nvar a int\n", ""},
		"import path":                  {"a.go", "package a\n\nimport _ \"heir\"\n", ""},
		"function without a verb": {
			"a.go", "package a\n\n// b is one.\nfunc b() int { return 1 }\n",
			"4 begin the comment with a verb",
		},
		"function without its name": {
			"a.go", "package a\n\n// Returns one.\nfunc b() int { return 1 }\n",
			`4 begin the comment with "b"`,
		},
		"function with a verb":       {"a.go", "package a\n\n// b returns one.\nfunc b() int { return 1 }\n", ""},
		"function without a comment": {"a.go", "package a\n\nfunc b() int { return 1 }\n", ""},
		"method of an interface": {
			"a.go", "package a\n\ntype b interface {\n\t// C is one.\n\tC() int\n}\n",
			"5 begin",
		},
		"embedded interface":          {"a.go", "package a\n\ntype b interface {\n\t// Any b.\n\terror\n}\n", ""},
		"test that states a behavior": {"a_test.go", "package a\n\n// One is one.\nfunc TestOne() {}\n", ""},
		"helper of a test":            {"a_test.go", "package a\n\n// one is one.\nfunc one() {}\n", "4 begin"},
		"long sentence in a comment": {
			"a.go", "package a\n\n// " + long + "\nvar a int\n",
			"3 split the sentence of 41",
		},
		"directive":                {"a.go", "package a\n\n//go:generate mend\nvar a int\n", ""},
		"long sentence over lines": {"a.md", strings.ReplaceAll(long, "word word ", "word word\n"), "1 split"},
		"long sentence in a table": {"a.md", "| a |\n|---|\n| " + long + " |\n", "3 split"},
		"long code":                {"a.md", "```\n" + long + "\n```\n", ""},
		"sentences in a list": {
			"a.md", "- " + strings.Repeat("word ", 30) + "\n- " + strings.Repeat("word ", 30),
			"",
		},
		"banned word in a heading":       {"a.md", "# Whoever\n", "1 write anyone"},
		"banned word in inline code":     {"a.md", "Run `anew`.\n", ""},
		"banned word in a chart's value": {"a.yaml", "a: 1 # beside b\n", "1 write besides"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(findings(t, c.file, c.text), "\n")
			if c.want == "" && got != "" || !strings.HasPrefix(got, c.want) || strings.Contains(got, "\n") {
				t.Errorf("got %q, want one that begins with %q", got, c.want)
			}
		})
	}
}

func TestAverage(t *testing.T) {
	const text = "# Title\n\nOne two three. Four [five](x) `six seven`!\n\n- eight – nine\n"
	report, err := checkMarkdown("a.md", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if report.Sentences != 3 || report.Words != 8 {
		t.Errorf("counted %d sentences of %d words, want 3 of 8", report.Sentences, report.Words)
	}
}
