package main

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// unpack adds the files of a package to a tree. It runs no script of the package.
func unpack(ctx context.Context, t tree, name, file string) error {
	archive, err := run(ctx, nil, "dpkg-deb", "--fsys-tarfile", file)
	if err != nil {
		return fmt.Errorf("unpacking %s: %w", name, err)
	}
	for r := tar.NewReader(bytes.NewReader([]byte(archive))); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("unpacking %s: %w", name, err)
		}
		n, err := nodeOf(t, header, r)
		if err != nil {
			return fmt.Errorf("unpacking %s of %s: %w", header.Name, name, err)
		}
		n.owner = name
		if err := t.add(header.Name, n); err != nil {
			return err
		}
	}
}

func nodeOf(t tree, header *tar.Header, r io.Reader) (node, error) {
	n := node{mode: fs.FileMode(header.Mode).Perm()}
	switch header.Typeflag {
	case tar.TypeDir:
		n.mode |= fs.ModeDir
	case tar.TypeSymlink:
		n.mode |= fs.ModeSymlink
		n.target = header.Linkname
	case tar.TypeLink:
		other, ok := t[canonical(header.Linkname)]
		if !ok {
			return node{}, fmt.Errorf("it is a link to %s, which is not there", header.Linkname)
		}
		n = other
	case tar.TypeReg:
		var err error
		n.content, err = io.ReadAll(r)
		return n, err
	default:
		return node{}, fmt.Errorf("it has the type %q", header.Typeflag)
	}
	return n, nil
}

// control returns what the package says of itself: the content of its control file.
func control(ctx context.Context, file string) (string, error) {
	return run(ctx, nil, "dpkg-deb", "--field", file)
}
