package main

import (
	"debug/elf"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// makePackage builds a Debian package with files and symbolic links ("-> target").
func makePackage(t *testing.T, name string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files = maps2(files, map[string]string{
		"/DEBIAN/control": "Package: " + name + "\nVersion: 1\nArchitecture: all\nMaintainer: none\nDescription: test\n",
		// A package whose script ran would leave a trace, or fail.
		"/DEBIAN/preinst": "#!/bin/sh\nexit 1\n",
	})
	for p, content := range files {
		file := filepath.Join(dir, p)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(target, file)
		} else {
			err = os.WriteFile(file, []byte(content), 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	out := filepath.Join(t.TempDir(), name+".deb")
	if _, err := run(t.Context(), nil, "dpkg-deb", "--root-owner-group", "-Znone", "--build", dir, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func maps2(a, b map[string]string) map[string]string {
	both := map[string]string{}
	for _, m := range []map[string]string{a, b} {
		for k, v := range m {
			both[k] = v
		}
	}
	return both
}

// hostFile returns the content of a file of this machine.
func hostFile(t *testing.T, name string) string { t.Helper(); return string(must(os.ReadFile(name))) }

// unpacked returns a tree with a program of this machine, its libraries in another package, and a library that neither
// links.
func unpacked(t *testing.T) tree {
	t.Helper()
	const program = "/bin/cat"
	file := must(elf.Open(program))
	defer func() { _ = file.Close() }()
	libraries := map[string]string{"/usr/share/doc/libc-test": "-> common-test"}
	dir := filepath.Join("/usr/lib", triplets[file.Machine])
	linker := must(interpreter(file))
	libraries[linker] = "-> " + filepath.Join(dir, filepath.Base(linker))
	libraries[filepath.Join(dir, filepath.Base(linker))] = hostFile(t, linker)
	for _, name := range append(must(file.ImportedLibraries()), "libm.so.6") {
		libraries[filepath.Join(dir, name+".real")] = hostFile(t, filepath.Join(dir, name))
		libraries[filepath.Join(dir, name)] = "-> " + name + ".real"
	}
	all := tree{}
	for name, files := range map[string]map[string]string{
		"program-test": {program: hostFile(t, program), "/usr/share/doc/program-test/copyright": "free"},
		"libc-test":    libraries,
		"common-test":  {"/usr/share/doc/common-test/copyright": "free, too"},
		"unused-test":  {"/usr/bin/unused": "unused"},
	} {
		if err := unpack(t.Context(), all, name, makePackage(t, name, files)); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func testContents() contents { return contents{Files: []string{"/usr/bin/cat"}} }

// TestChoosesLibrariesAndLicences takes one program. The linker, the C library and its licence follow.
func TestChoosesLibrariesAndLicences(t *testing.T) {
	chosen := must(choose(unpacked(t), testContents(), runtime.GOARCH))
	for _, want := range []string{"libc.so.6", "libc.so.6.real"} {
		if !slices.ContainsFunc(chosen.paths(), func(p string) bool { return strings.HasSuffix(p, "/"+want) }) {
			t.Errorf("%s is missing in %q", want, chosen.paths())
		}
	}
	const doc = "/usr/share/doc/"
	for _, want := range []string{"/usr/bin/cat", "/bin", doc + "libc-test", doc + "common-test/copyright"} {
		if _, ok := chosen[want]; !ok {
			t.Errorf("%s is missing in %q", want, chosen.paths())
		}
	}
	for _, p := range chosen.paths() {
		if strings.Contains(p, "libm.so") || strings.Contains(p, "unused") {
			t.Errorf("%s was chosen, and nothing needs it", p)
		}
	}
	if got, want := owners(chosen), []string{"common-test", "libc-test", "program-test"}; !slices.Equal(got, want) {
		t.Errorf("got the packages %q, want %q", got, want)
	}
}

// TestRootRuns runs the program in the directory that was written. Without its libraries it would not start.
func TestRootRuns(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("chroot needs root")
	}
	c := testContents()
	c.Texts = map[string]string{"/etc/greeting": "hello"}
	dir := filepath.Join(t.TempDir(), "root")
	if err := write(must(choose(unpacked(t), c, runtime.GOARCH)), dir); err != nil {
		t.Fatal(err)
	}
	if got := must(run(t.Context(), nil, "chroot", dir, "/bin/cat", "/etc/greeting")); got != "hello" {
		t.Errorf("got %q, want hello", got)
	}
}

func TestChooseRefuses(t *testing.T) {
	all := unpacked(t)
	without := func(suffix string) tree {
		less := tree{}
		for p, n := range all {
			if !strings.HasSuffix(p, suffix) {
				less[p] = n
			}
		}
		return less
	}
	other := map[string]string{"amd64": "arm64", "arm64": "amd64"}[runtime.GOARCH]
	for name, c := range map[string]struct {
		all   tree
		files string
		arch  string
		want  string
	}{
		"a pattern without a match":    {all, "/usr/bin/dog*", runtime.GOARCH, "/usr/bin/dog*"},
		"a missing library":            {without("libc.so.6"), "/usr/bin/cat", runtime.GOARCH, "libc.so.6"},
		"a link to nothing":            {without("libc.so.6.real"), "/usr/bin/cat", runtime.GOARCH, "libc.so.6"},
		"a package without a licence":  {without("common-test/copyright"), "/usr/bin/cat", runtime.GOARCH, "licence"},
		"a program for other machines": {all, "/usr/bin/cat", other, "machine"},
	} {
		_, err := choose(c.all, contents{Files: []string{c.files}}, c.arch)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
	}
}

func TestPackagesShareNoFiles(t *testing.T) {
	files := map[string]string{"/usr/bin/program": "x"}
	all := tree{}
	if err := unpack(t.Context(), all, "first", makePackage(t, "first", files)); err != nil {
		t.Fatal(err)
	}
	err := unpack(t.Context(), all, "second", makePackage(t, "second", map[string]string{"/bin/program": "x"}))
	if err == nil || !strings.Contains(err.Error(), "first and second") {
		t.Errorf("got %v, want an error that names both packages", err)
	}
}

func TestResolveEnds(t *testing.T) {
	loop := tree{
		"/a": {mode: fs.ModeSymlink, target: "b"}, "/b": {mode: fs.ModeSymlink, target: "/a"},
		"/up": {mode: fs.ModeSymlink, target: "../../../file"}, "/file": {},
	}
	if _, _, err := loop.resolve("/a"); err == nil {
		t.Error("a loop of links was resolved")
	}
	if file, _, err := loop.resolve("/up"); err != nil || file != "/file" {
		t.Errorf("got %s, %v, want /file", file, err)
	}
}

func TestVerify(t *testing.T) {
	file := filepath.Join(t.TempDir(), "package")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	const emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if err := verify(file, locked{SHA256: emptySum}); err != nil {
		t.Error(err)
	}
	for name, p := range map[string]locked{"hash": {SHA256: sum}, "size": {SHA256: emptySum, Size: 1}} {
		if verify(file, p) == nil {
			t.Errorf("a file with another %s passed", name)
		}
	}
}

func TestParseContentsRefuses(t *testing.T) {
	const valid = "suite: trixie\npackages: [a]\nfiles: [/a]\n"
	must(parseContents([]byte(valid)))
	for name, text := range map[string]string{
		"no files":         "suite: trixie\npackages: [a]\n",
		"an unknown field": valid + "scripts: [a]\n",
		"a relative path":  valid + "directories: [run]\n",
		"a path upwards":   valid + "texts: {/a/../b: x}\n",
		"a broken pattern": "suite: trixie\npackages: [a]\nfiles: ['/[']\n",
	} {
		if got, err := parseContents([]byte(text)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
}
