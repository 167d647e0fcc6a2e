package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Every condition, reason and Event has a row in the document for the people who operate pairs.
func TestEveryStateHasARunbook(t *testing.T) {
	text, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	document := string(text)
	conditions := constants(t, "../../api/v1alpha1/conditions.go")
	if len(conditions) < 40 {
		t.Fatalf("only %d constants were found", len(conditions))
	}
	for name, value := range conditions {
		switch {
		case strings.HasPrefix(name, "Reason"):
			if !strings.Contains(document, "| `"+value+"` |") {
				t.Errorf("reason %s has no row", value)
			}
		case strings.HasPrefix(name, "Condition"):
			if !strings.Contains(document, "\n### "+value+"\n") {
				t.Errorf("condition %s has no heading", value)
			}
		default:
			t.Errorf("constant %s is neither a condition nor a reason", name)
		}
	}
	events := notices(t, "../../controllers/hapair/events.go")
	if len(events) < 10 {
		t.Fatalf("only %d Events were found", len(events))
	}
	for _, reason := range events {
		if !strings.Contains(document, "`"+reason+"`") {
			t.Errorf("Event %s is not in the document", reason)
		}
	}
}

func parse(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// constants returns the values of a file's string constants by name.
func constants(t *testing.T, path string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, declaration := range parse(t, path).Decls {
		group, ok := declaration.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			values := spec.(*ast.ValueSpec)
			for i, name := range values.Names {
				if text, ok := literal(values.Values[i]); ok {
					all[name.Name] = text
				}
			}
		}
	}
	return all
}

// notices returns the reasons of the Events in a file.
func notices(t *testing.T, path string) []string {
	t.Helper()
	var all []string
	ast.Inspect(parse(t, path), func(n ast.Node) bool {
		composite, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		if kind, ok := composite.Type.(*ast.Ident); ok && kind.Name == "notice" && len(composite.Elts) == 3 {
			if text, ok := literal(composite.Elts[1]); ok {
				all = append(all, text)
			}
		}
		return true
	})
	return all
}

func literal(e ast.Expr) (string, bool) {
	basic, ok := e.(*ast.BasicLit)
	if !ok || basic.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(basic.Value)
	return text, err == nil
}
