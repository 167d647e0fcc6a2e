package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// write writes the tree below a directory, which it replaces.
func write(t tree, dir string) error {
	fresh := dir + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	for _, name := range t.paths() {
		if err := writeNode(t[name], filepath.Join(fresh, name)); err != nil {
			return fmt.Errorf("writing the root directory: %w", err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(fresh, dir)
}

func writeNode(n node, file string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if n.mode.IsDir() {
		return os.MkdirAll(file, n.mode.Perm())
	}
	if n.mode.Type() == fs.ModeSymlink {
		return os.Symlink(n.target, file)
	}
	if err := os.WriteFile(file, n.content, n.mode.Perm()); err != nil {
		return err
	}
	return os.Chmod(file, n.mode.Perm()) // whatever the umask is
}
