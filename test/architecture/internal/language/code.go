package language

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
)

// checkGo checks comments, string literals, and how functions are documented.
func checkGo(name string, text []byte) (Report, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return Report{}, fmt.Errorf("parsing %s: %w", name, err)
	}
	if ast.IsGenerated(file) {
		return Report{}, nil
	}
	lineOf := func(n ast.Node) int { return files.Position(n.Pos()).Line }
	var report Report
	for _, comment := range file.Comments {
		report.Findings = append(report.Findings, commentFindings(name, lineOf(comment), comment)...)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BasicLit:
			if literal, err := strconv.Unquote(n.Value); n.Kind == token.STRING && err == nil {
				report.Findings = append(report.Findings, bannedIn(name, lineOf(n), literal)...)
			}
		case *ast.FuncDecl:
			if !isTest(name, n) {
				report.Findings = append(report.Findings, verbFindings(name, lineOf(n), n.Name.Name, n.Doc)...)
			}
		case *ast.InterfaceType:
			for _, method := range n.Methods.List {
				if _, isMethod := method.Type.(*ast.FuncType); isMethod && len(method.Names) == 1 {
					report.Findings = append(report.Findings,
						verbFindings(name, lineOf(method), method.Names[0].Name, method.Doc)...)
				}
			}
		}
		return true
	})
	return report, nil
}

// commentFindings checks the words of a comment and the length of its sentences.
func commentFindings(name string, line int, comment *ast.CommentGroup) []Finding {
	var raw []string
	for _, c := range comment.List {
		if !strings.HasPrefix(c.Text, "//go:") && !strings.HasPrefix(c.Text, "// +") {
			raw = append(raw, strings.TrimPrefix(c.Text, "//"))
		} else {
			raw = append(raw, "")
		}
	}
	found := bannedIn(name, line, strings.Join(raw, "\n"))
	for _, paragraph := range paragraphs(comment.Text()) {
		for _, sentence := range sentences(paragraph) {
			if n := wordCount(sentence); n > MaxSentence {
				found = append(found, tooLong(name, line, sentence, n))
			}
		}
	}
	return found
}

// paragraphs splits a comment at blank lines, list items, and indented lines, which are preformatted text and left out.
func paragraphs(text string) []string {
	var all []string
	var current []string
	end := func() {
		if len(current) > 0 {
			all = append(all, strings.Join(current, " "))
		}
		current = nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case trimmed == "", strings.HasPrefix(line, "\t"), strings.HasPrefix(line, "  "), strings.HasPrefix(trimmed, "+"):
			end()
		case strings.HasPrefix(trimmed, "- "), strings.HasPrefix(trimmed, "* "):
			end()
			current = append(current, trimmed)
		default:
			current = append(current, trimmed)
		}
	}
	end()
	return all
}

// isTest reports whether a function is run by the test framework. Its comment describes behaviour and not a function.
func isTest(file string, function *ast.FuncDecl) bool {
	return strings.HasSuffix(file, "_test.go") && function.Recv == nil &&
		regexp.MustCompile(`^(Test|Benchmark|Fuzz|Example)`).MatchString(function.Name.Name)
}

// verbFindings checks that the comment of a function begins with its name and a verb, as in "Lookup returns".
func verbFindings(file string, line int, function string, doc *ast.CommentGroup) []Finding {
	if doc == nil || strings.TrimSpace(doc.Text()) == "" {
		return nil
	}
	first, _, _ := strings.Cut(doc.Text(), "\n")
	fields := strings.Fields(first)
	var problem string
	switch {
	case fields[0] != function:
		problem = fmt.Sprintf("begin the comment with %q", function)
	case len(fields) < 2 || !isVerb(fields[1]):
		problem = fmt.Sprintf("begin the comment with a verb, as in %q or %q",
			function+" returns", function+" reports whether")
	default:
		return nil
	}
	return []Finding{{File: file, Line: line, Rule: problem, Text: first}}
}

// isVerb reports whether a word can be a verb in the third person.
func isVerb(word string) bool {
	word = strings.TrimRight(word, ",.:;")
	switch word {
	case "is", "was", "has", "does", "tells", "says", "as", "its", "this", "his", "us", "always", "whereas":
		return false
	}
	return len(word) > 2 && strings.HasSuffix(word, "s") && !strings.HasSuffix(word, "ss") &&
		word == strings.ToLower(word)
}
