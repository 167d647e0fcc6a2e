package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// epoch returns the timestamp of everything in an image. The time of a build must not change the image.
func epoch() time.Time { return time.Unix(0, 0).UTC() }

// newLayer returns a layer with the file at source, at the absolute path target.
func newLayer(source, target string) (v1.Layer, error) {
	program, err := os.ReadFile(source)
	if err != nil {
		return nil, fmt.Errorf("reading the program: %w", err)
	}
	content, err := layerContent(program, target)
	if err != nil {
		return nil, fmt.Errorf("packing %s: %w", source, err)
	}
	return compress(content, source)
}

// newTreeLayer returns a layer with everything below a directory.
func newTreeLayer(root string) (v1.Layer, error) {
	content, err := treeContent(root)
	if err != nil {
		return nil, err
	}
	return compress(content, root)
}

// compress returns the layer of a tar. An error names the source of the tar.
func compress(content []byte, source string) (v1.Layer, error) {
	layer, err := tarball.LayerFromOpener(
		func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
		tarball.WithMediaType(types.OCILayer),
		// Most archives are only used on the nodes of a test cluster, so that speed matters more than size.
		tarball.WithCompressionLevel(gzip.BestSpeed),
		tarball.WithCompressedCaching,
	)
	if err != nil {
		return nil, fmt.Errorf("packing %s: %w", source, err)
	}
	return layer, nil
}

// layerContent returns the tar of a layer: the parent directories of target, then the program.
func layerContent(program []byte, target string) ([]byte, error) {
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for _, dir := range parents(target) {
		header := &tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: epoch()}
		if err := w.WriteHeader(header); err != nil {
			return nil, err
		}
	}
	header := &tar.Header{
		Typeflag: tar.TypeReg,
		Name:     strings.TrimPrefix(target, "/"),
		Mode:     0o755,
		Size:     int64(len(program)),
		ModTime:  epoch(),
	}
	if err := w.WriteHeader(header); err != nil {
		return nil, err
	}
	if _, err := w.Write(program); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

// parents returns the directories above an absolute path, outermost first, without the root.
func parents(target string) []string {
	var dirs []string
	for dir := path.Dir(target); dir != "/"; dir = path.Dir(dir) {
		dirs = append([]string{strings.TrimPrefix(dir, "/")}, dirs...)
	}
	return dirs
}
