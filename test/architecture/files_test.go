package architecture_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// replicationLayers are the packages of replication from the lowest to the highest. A package imports only packages of
// lower layers.
var replicationLayers = [][]string{
	{"audit", "pace", "queue", "transport", "wire"},
	{"protocol"},
	{"peer"},
	{"receiver", "sender"},
	{"engine"},
}

func TestReplicationIsLayered(t *testing.T) {
	prefix := module + "internal/replication/"
	layer := map[string]int{}
	for i, names := range replicationLayers {
		for _, name := range names {
			layer[prefix+name] = i
		}
	}
	seen := 0
	for _, p := range listWithExports(t, prefix+"...") {
		if !strings.HasPrefix(p.ImportPath, prefix) {
			continue
		}
		seen++
		own, known := layer[p.ImportPath]
		if !known {
			t.Errorf("%s is in no layer", p.ImportPath)
		}
		for _, imported := range p.Imports {
			if other, ok := layer[imported]; ok && other >= own {
				t.Errorf("%s imports %s, which is not in a lower layer", p.ImportPath, imported)
			}
		}
	}
	if seen != len(layer) {
		t.Errorf("%d packages found, %d are in layers", seen, len(layer))
	}
}

// TestFilesOfReplicationUseEachOtherOneWay demands an order of the files of each package, in which a file uses only
// what earlier files declare. So a reader can start at the end that interests them.
func TestFilesOfReplicationUseEachOtherOneWay(t *testing.T) {
	prefix := module + "internal/replication/"
	packages := listWithExports(t, prefix+"...")
	exports := map[string]string{}
	for _, p := range packages {
		exports[p.ImportPath] = p.Export
	}
	for _, p := range packages {
		if !strings.HasPrefix(p.ImportPath, prefix) {
			continue
		}
		t.Run(strings.TrimPrefix(p.ImportPath, prefix), func(t *testing.T) {
			uses, err := fileUses(p, exports)
			if err != nil {
				t.Fatal(err)
			}
			if cycle := findCycle(uses); cycle != nil {
				for i, file := range cycle[:len(cycle)-1] {
					t.Errorf("%s uses %s of %s", file, uses[file][cycle[i+1]], cycle[i+1])
				}
			}
		})
	}
}

func TestFindCycle(t *testing.T) {
	for name, c := range map[string]struct {
		uses map[string]map[string]string
		want int
	}{
		"none": {map[string]map[string]string{"a": {"b": "", "c": ""}, "b": {"c": ""}}, 0},
		"two":  {map[string]map[string]string{"a": {"b": ""}, "b": {"a": ""}}, 3},
		"late": {map[string]map[string]string{"a": {"b": ""}, "b": {"c": ""}, "c": {"d": ""}, "d": {"b": ""}}, 4},
	} {
		if got := findCycle(c.uses); len(got) != c.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

// listed is a package as go list prints it.
type listed struct {
	ImportPath, Dir, Export string
	GoFiles, Imports        []string
}

// listWithExports returns packages and what they import, with the files that hold their types.
func listWithExports(t *testing.T, pattern string) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-export", "-json=ImportPath,Dir,Export,GoFiles,Imports", pattern)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("listing packages: %v\n%s", err, stderr.String())
	}
	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

// fileUses returns for each file of a package the other files whose declarations it uses, each with an example.
func fileUses(p listed, exports map[string]string) (map[string]map[string]string, error) {
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	open := func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("no types of %s", path)
		}
		return os.Open(exports[path])
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importer.ForCompiler(fset, "gc", open)}
	checked, err := config.Check(p.ImportPath, fset, files, info)
	if err != nil {
		return nil, err
	}
	uses := map[string]map[string]string{}
	for identifier, object := range info.Uses {
		if object.Pkg() != checked {
			continue
		}
		from := filepath.Base(fset.Position(identifier.Pos()).Filename)
		to := filepath.Base(fset.Position(object.Pos()).Filename)
		if from == to {
			continue
		}
		if uses[from] == nil {
			uses[from] = map[string]string{}
		}
		uses[from][to] = object.Name()
	}
	return uses, nil
}

// findCycle returns a cycle of files, with its first file again at the end; nil without a cycle.
func findCycle(uses map[string]map[string]string) []string {
	done := map[string]bool{}
	var path []string
	var visit func(file string) []string
	visit = func(file string) []string {
		if i := slices.Index(path, file); i >= 0 {
			return append(slices.Clone(path[i:]), file)
		}
		if done[file] {
			return nil
		}
		path = append(path, file)
		for _, next := range slices.Sorted(maps.Keys(uses[file])) {
			if cycle := visit(next); cycle != nil {
				return cycle
			}
		}
		path = path[:len(path)-1]
		done[file] = true
		return nil
	}
	for _, file := range slices.Sorted(maps.Keys(uses)) {
		if cycle := visit(file); cycle != nil {
			return cycle
		}
	}
	return nil
}
