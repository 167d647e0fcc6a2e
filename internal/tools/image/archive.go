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

// digestTagLength is the number of digest characters in a tag: enough to be unique, and still readable.
const digestTagLength = 12

// referenceOf returns the name of the index, with the given tag or one made of its digest.
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

// writeArchive writes the index as an OCI layout in a tar. It replaces the file atomically.
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
	// containerd reads the full name from its own annotation. The annotation of the specification holds only the tag.
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

// pack writes the files below dir into a tar, sorted by name and without attributes of this machine.
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
