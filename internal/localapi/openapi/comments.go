package openapi

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// comments are what Go files tell about their types.
type comments struct {
	types  map[string]string
	fields map[string]string   // by type.field
	values map[string][]string // constants of a type, in their order
}

// parseComments reads the Go files of a directory, without tests.
func parseComments(directory string) (comments, error) {
	all := comments{types: map[string]string{}, fields: map[string]string{}, values: map[string][]string{}}
	files, err := filepath.Glob(filepath.Join(directory, "*.go"))
	if err != nil || len(files) == 0 {
		return comments{}, fmt.Errorf("there are no Go files in %s: %w", directory, os.ErrNotExist)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return comments{}, fmt.Errorf("parsing the types of the API: %w", err)
		}
		for _, declaration := range file.Decls {
			if general, ok := declaration.(*ast.GenDecl); ok {
				all.add(general)
			}
		}
	}
	return all, nil
}

func (c comments) add(declaration *ast.GenDecl) {
	for _, spec := range declaration.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			c.types[spec.Name.Name] = text(declaration.Doc)
			structure, ok := spec.Type.(*ast.StructType)
			if !ok {
				continue
			}
			for _, field := range structure.Fields.List {
				for _, name := range field.Names {
					c.fields[spec.Name.Name+"."+name.Name] = text(field.Doc)
				}
			}
		case *ast.ValueSpec:
			c.addValues(spec)
		}
	}
}

// addValues adds the constants of a type with a name.
func (c comments) addValues(spec *ast.ValueSpec) {
	of, ok := spec.Type.(*ast.Ident)
	if !ok {
		return
	}
	for _, value := range spec.Values {
		literal, ok := value.(*ast.BasicLit)
		if !ok {
			continue
		}
		if plain, err := strconv.Unquote(literal.Value); err == nil {
			c.values[of.Name] = append(c.values[of.Name], plain)
		}
	}
}

// text returns a comment in one line.
func text(comment *ast.CommentGroup) string { return strings.Join(strings.Fields(comment.Text()), " ") }
