package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// statusDirectory is where scanners of images look for packages, as in images without a package manager.
const statusDirectory = "/var/lib/dpkg/status.d/"

// root writes the root directory of an image.
func (s *settings) root(ctx context.Context, architecture, output string) error {
	c, err := readContents(s.image)
	if err != nil {
		return err
	}
	packages, files, all, err := s.unpackLocked(ctx, architecture)
	if err != nil {
		return err
	}
	chosen, err := choose(all, c, architecture)
	if err != nil {
		return fmt.Errorf("%s for %s: %w", s.image, architecture, err)
	}
	for i, p := range packages {
		text, err := control(ctx, files[i])
		if err != nil {
			return err
		}
		chosen[statusDirectory+p.Name] = node{mode: 0o644, content: []byte(text)}
	}
	return write(chosen, output)
}

// list prints the files of the locked packages.
func (s *settings) list(ctx context.Context, architecture string, w io.Writer) error {
	_, _, all, err := s.unpackLocked(ctx, architecture)
	if err != nil {
		return err
	}
	for _, name := range all.paths() {
		if _, err := fmt.Fprintln(w, name); err != nil {
			return err
		}
	}
	return nil
}

// update locks the newest versions of those packages that contribute to the image.
func (s *settings) update(ctx context.Context, names []string, w io.Writer) error {
	c, err := readContents(s.image)
	if err != nil {
		return err
	}
	m, err := findMirrors(ctx, s.mirrors)
	if err != nil {
		return err
	}
	var packages []locked
	for _, architecture := range names {
		if _, ok := architectures[architecture]; !ok {
			return fmt.Errorf("--arch %q: want amd64 or arm64", architecture)
		}
		contributing, err := s.contributing(ctx, c, m, architecture)
		if err != nil {
			return fmt.Errorf("%s for %s: %w", s.image, architecture, err)
		}
		packages = append(packages, contributing...)
	}
	if err := s.printChanges(packages, w); err != nil {
		return err
	}
	return os.WriteFile(s.lockFile(), formatLock(packages), 0o644)
}

// contributing resolves the packages of an image, and returns those that have a file in it.
func (s *settings) contributing(ctx context.Context, c contents, m mirrors, architecture string) ([]locked, error) {
	dir, err := os.MkdirTemp("", "hapair-apt-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	a, err := newApt(ctx, dir, m, c.Suite, architecture)
	if err != nil {
		return nil, err
	}
	resolved, err := a.resolve(ctx, architecture, c.Packages)
	if err != nil {
		return nil, err
	}
	_, all, err := s.unpack(ctx, m, resolved)
	if err != nil {
		return nil, err
	}
	chosen, err := choose(all, c, architecture)
	if err != nil {
		return nil, err
	}
	contributors := owners(chosen)
	return slices.DeleteFunc(resolved, func(p locked) bool {
		_, found := slices.BinarySearch(contributors, p.Name)
		return !found
	}), nil
}

// printChanges prints how the packages differ from those of the lock file.
func (s *settings) printChanges(packages []locked, w io.Writer) error {
	text, err := os.ReadFile(s.lockFile())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	old, err := parseLock(text)
	if err != nil {
		return fmt.Errorf("%s: %w; remove it to lock all packages again", s.lockFile(), err)
	}
	for _, change := range changes(old, packages) {
		if _, err := fmt.Fprintf(w, "%s: %s\n", s.image, change); err != nil {
			return err
		}
	}
	return nil
}

// changes describes the packages that were added, removed, or have another version.
func changes(old, latest []locked) []string {
	versions := func(packages []locked) map[string]string {
		m := map[string]string{}
		for _, p := range packages {
			m[p.Name+":"+p.Architecture] = p.Version
		}
		return m
	}
	before, after := versions(old), versions(latest)
	var lines []string
	for name, version := range after {
		switch was, ok := before[name]; {
		case !ok:
			lines = append(lines, name+" "+version+" added")
		case was != version:
			lines = append(lines, name+" "+was+" -> "+version)
		}
	}
	for name, version := range before {
		if _, ok := after[name]; !ok {
			lines = append(lines, name+" "+version+" removed")
		}
	}
	slices.Sort(lines)
	return lines
}

// unpackLocked returns the locked packages of one architecture, the downloaded file of each, and all that they contain.
func (s *settings) unpackLocked(
	ctx context.Context, architecture string,
) (packages []locked, files []string, all tree, err error) {
	if packages, err = s.readLock(architecture); err != nil {
		return nil, nil, nil, err
	}
	m, err := findMirrors(ctx, s.mirrors)
	if err != nil {
		return nil, nil, nil, err
	}
	files, all, err = s.unpack(ctx, m, packages)
	return packages, files, all, err
}

// unpack downloads packages, and returns the file of each and all that they contain.
func (s *settings) unpack(ctx context.Context, m mirrors, packages []locked) (files []string, all tree, err error) {
	if files, err = download(ctx, s.cache, m, packages); err != nil {
		return nil, nil, err
	}
	all = tree{}
	for i, p := range packages {
		if err := unpack(ctx, all, p.Name, files[i]); err != nil {
			return nil, nil, err
		}
	}
	return files, all, nil
}

func (s *settings) lockFile() string { return filepath.Join(s.image, lockName) }

// readLock returns the locked packages of one architecture.
func (s *settings) readLock(architecture string) ([]locked, error) {
	text, err := os.ReadFile(s.lockFile())
	if err != nil {
		return nil, fmt.Errorf("reading the locked packages: %w; make update-packages writes the file", err)
	}
	packages, err := parseLock(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.lockFile(), err)
	}
	if packages = forArchitecture(packages, architecture); len(packages) == 0 {
		return nil, fmt.Errorf("%s has no packages for %s; make update-packages locks amd64 and arm64",
			s.lockFile(), architecture)
	}
	return packages, nil
}
