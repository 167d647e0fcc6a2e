package main

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
)

// digestTagLength is how much of the digest makes a tag: enough to be unique, short enough to be read.
const digestTagLength = 12

// referenceOf names the index: with the tag given, or with one made of its digest.
func referenceOf(repository, tag string, index v1.ImageIndex) (name.Tag, error) {
	if tag == "" {
		digest, err := index.Digest()
		if err != nil {
			return name.Tag{}, fmt.Errorf("digest of the image: %w", err)
		}
		tag = digest.Hex[:digestTagLength]
	}
	reference, err := name.NewTag(repository+":"+tag, name.StrictValidation)
	if err != nil {
		return name.Tag{}, fmt.Errorf("--name %q --tag %q: %w", repository, tag, err)
	}
	return reference, nil
}

// writeArchive writes the index as an OCI layout in a tar. The file appears whole or not at all.
func writeArchive(output string, reference name.Tag, index v1.ImageIndex) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(output), ".image-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", output, err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	content := filepath.Join(dir, "layout")
	oci, err := layout.Write(content, empty.Index)
	if err != nil {
		return fmt.Errorf("writing %s: %w", output, err)
	}
	// containerd takes the full name from its own annotation; the other, of the specification, holds the tag alone.
	annotations := map[string]string{
		"io.containerd.image.name":          reference.Name(),
		"org.opencontainers.image.ref.name": reference.TagStr(),
	}
	if err := oci.AppendIndex(index, layout.WithAnnotations(annotations)); err != nil {
		return fmt.Errorf("writing %s: %w", output, err)
	}
	archive := filepath.Join(dir, "archive.tar")
	if err := pack(content, archive); err != nil {
		return fmt.Errorf("writing %s: %w", output, err)
	}
	return os.Rename(archive, output)
}

// pack writes the files under dir into a tar, in the order of their names and without anything of the machine in it.
func pack(dir, archive string) (err error) {
	file, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
	}()
	w := tar.NewWriter(file)
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return packEntry(w, path, filepath.ToSlash(relative), entry)
	})
	if err != nil {
		return err
	}
	return w.Close()
}

func packEntry(w *tar.Writer, path, name string, entry fs.DirEntry) error {
	if entry.IsDir() {
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, ModTime: epoch()})
	}
	info, err := entry.Info()
	if err != nil {
		return err
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: info.Size(), ModTime: epoch()}
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	source, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	_, err = io.Copy(w, source)
	return err
}
