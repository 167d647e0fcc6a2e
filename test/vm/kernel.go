package vm

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// kernelVariable names the directory of an unpacked Debian package linux-image.
const kernelVariable = "VM_KERNEL"

// errNoKernel says how to run the tests of this package.
var errNoKernel = errors.New("no kernel for virtual machines in $" + kernelVariable + ": run `make test-vm`, " +
	"which downloads Debian's")

// kernel is an image and the modules that belong to it.
type kernel struct {
	image   string
	modules map[string]string // files by the name of the module
}

// findKernel finds the kernel that the environment names.
func findKernel() (kernel, error) {
	directory := os.Getenv(kernelVariable)
	if directory == "" {
		return kernel{}, errNoKernel
	}
	images, err := filepath.Glob(filepath.Join(directory, "boot", "vmlinuz-*"))
	if err != nil || len(images) != 1 {
		return kernel{}, fmt.Errorf("%d kernels below %s, want one: %w", len(images), directory, errNoKernel)
	}
	k := kernel{image: images[0], modules: map[string]string{}}
	err = filepath.WalkDir(filepath.Join(directory, "lib", "modules"), func(path string, _ fs.DirEntry, err error) error {
		if name, isModule := strings.CutSuffix(filepath.Base(path), ".ko"); isModule {
			k.modules[canonical(name)] = path
		}
		return err
	})
	if err != nil {
		return kernel{}, fmt.Errorf("listing the kernel's modules: %w", err)
	}
	return k, nil
}

// canonical returns the name of a module as the kernel lists it.
func canonical(name string) string { return strings.ReplaceAll(name, "-", "_") }

// module is a module's name and its file.
type module struct {
	name string
	data []byte
}

// load reads modules and those that they need, each after those that it needs.
func (k kernel) load(names []string) ([]module, error) {
	var all []module
	seen := map[string]bool{}
	var add func(name string) error
	add = func(name string) error {
		if name = canonical(name); seen[name] {
			return nil
		}
		seen[name] = true
		path, ok := k.modules[name]
		if !ok {
			return fmt.Errorf("%s has no module %s", k.image, name)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("reading module %s: %w", name, err)
		}
		needed, err := dependencies(data)
		if err != nil {
			return fmt.Errorf("reading what module %s needs: %w", name, err)
		}
		for _, n := range needed {
			if err := add(n); err != nil {
				return fmt.Errorf("module %s: %w", name, err)
			}
		}
		all = append(all, module{name, data})
		return nil
	}
	for _, name := range names {
		if err := add(name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// dependencies returns the modules that a module names in its description.
func dependencies(data []byte) ([]string, error) {
	file, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	section := file.Section(".modinfo")
	if section == nil {
		return nil, errors.New("the file is not a kernel module")
	}
	description, err := section.Data()
	if err != nil {
		return nil, err
	}
	for field := range strings.SplitSeq(string(description), "\x00") {
		if list, ok := strings.CutPrefix(field, "depends="); ok && list != "" {
			return strings.Split(list, ","), nil
		}
	}
	return nil, nil
}
