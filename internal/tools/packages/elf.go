package main

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// triplets are the names of Debian's library directories.
var triplets = map[elf.Machine]string{
	elf.EM_X86_64:  "x86_64-linux-gnu",
	elf.EM_AARCH64: "aarch64-linux-gnu",
}

// architectures are Debian's names of the processors.
var architectures = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// linked returns what the dynamic linker loads with an ELF file: the linker itself and the libraries. The paths may be
// symbolic links. A file of another kind has none.
func (t tree) linked(name string) ([]string, error) {
	content := t[name].content
	if !bytes.HasPrefix(content, []byte(elf.ELFMAG)) {
		return nil, nil
	}
	file, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer func() { _ = file.Close() }()
	dirs, err := libraryDirectories(name, file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	linker, err := interpreter(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	libraries, err := file.ImportedLibraries()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var found []string
	if linker != "" {
		found = append(found, canonical(linker))
	}
	for _, library := range libraries {
		p, ok := t.findLibrary(dirs, library)
		if !ok {
			return nil, fmt.Errorf("%s links %s, which no package has: %w", name, library, fs.ErrNotExist)
		}
		found = append(found, p)
	}
	return found, nil
}

// libraryDirectories returns where the dynamic linker looks for libraries (ld.so(8)), without its cache.
func libraryDirectories(name string, file *elf.File) ([]string, error) {
	triplet, ok := triplets[file.Machine]
	if !ok {
		return nil, fmt.Errorf("it is for the unknown machine %s", file.Machine)
	}
	var dirs []string
	for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
		values, err := file.DynString(tag)
		if err != nil {
			return nil, err
		}
		for _, value := range values {
			for dir := range strings.SplitSeq(value, ":") {
				dir = strings.NewReplacer("$ORIGIN", path.Dir(name), "${ORIGIN}", path.Dir(name)).Replace(dir)
				dirs = append(dirs, canonical(dir))
			}
		}
	}
	return append(dirs, "/usr/lib/"+triplet, "/usr/lib"), nil
}

// interpreter returns the path of the dynamic linker; empty for a library.
func interpreter(file *elf.File) (string, error) {
	for _, p := range file.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		value, err := io.ReadAll(p.Open())
		return string(bytes.TrimRight(value, "\x00")), err
	}
	return "", nil
}

func (t tree) findLibrary(dirs []string, library string) (string, bool) {
	for _, dir := range dirs {
		p := path.Join(dir, library)
		if _, _, err := t.resolve(p); err == nil {
			return p, true
		}
	}
	return "", false
}

// machineOf returns the machine that an ELF file is for; false for a file of another kind.
func machineOf(content []byte) (elf.Machine, bool) {
	file, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return elf.EM_NONE, false
	}
	defer func() { _ = file.Close() }()
	return file.Machine, true
}
