package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// node is a file, a symbolic link or a directory of a package.
type node struct {
	// mode has the type and the permissions.
	mode fs.FileMode
	// target is where a symbolic link points.
	target  string
	content []byte
	// owner is the package that has the file.
	owner string
}

// tree is a file tree in memory, by absolute path.
type tree map[string]node

// maxLinks is how many symbolic links the kernel follows in a path.
const maxLinks = 40

// canonical returns the path of a file on a system with a merged /usr, which every Debian is since 12.
func canonical(name string) string {
	name = path.Clean("/" + name)
	for _, dir := range []string{"/bin", "/sbin", "/lib", "/lib64"} {
		if rest, ok := strings.CutPrefix(name, dir+"/"); ok {
			return "/usr" + dir + "/" + rest
		}
	}
	return name
}

// add adds a node. Packages share directories, but no files.
func (t tree) add(name string, n node) error {
	name = canonical(name)
	if existing, ok := t[name]; ok {
		if existing.mode.IsDir() && n.mode.IsDir() {
			return nil
		}
		return fmt.Errorf("packages %s and %s both have %s", existing.owner, n.owner, name)
	}
	t[name] = n
	return nil
}

// paths returns all paths, sorted.
func (t tree) paths() []string { return slices.Sorted(maps.Keys(t)) }

// resolve follows the symbolic links of a path. It returns the path of the file, and the paths of the links.
func (t tree) resolve(name string) (file string, links []string, err error) {
	rest := strings.Split(strings.TrimPrefix(path.Clean("/"+name), "/"), "/")
	at := "/"
	for len(rest) > 0 {
		at, rest = path.Join(at, rest[0]), rest[1:]
		n, ok := t[at]
		if !ok && len(rest) == 0 {
			return "", nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		}
		if n.mode.Type() != fs.ModeSymlink {
			continue
		}
		if links = append(links, at); len(links) > maxLinks {
			return "", nil, fmt.Errorf("%s: %w", name, errors.New("too many symbolic links"))
		}
		target := n.target
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(at), target)
		}
		rest = append(strings.Split(strings.TrimPrefix(path.Clean(target), "/"), "/"), rest...)
		at = "/"
	}
	return at, links, nil
}
