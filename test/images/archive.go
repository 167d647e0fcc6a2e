package images

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// descriptor points to a blob of an OCI layout.
type descriptor struct {
	Digest   string `json:"digest"`
	Platform struct {
		Architecture string `json:"architecture"`
	} `json:"platform"`
}

// manifest is an index or the manifest of an image.
type manifest struct {
	Manifests []descriptor `json:"manifests"`
	Layers    []descriptor `json:"layers"`
}

// Unpack writes the file system of an image for this machine below a directory.
func Unpack(archive, dir string) error {
	blobs, err := readArchive(archive)
	if err != nil {
		return fmt.Errorf("reading %s: %w", archive, err)
	}
	m, err := parseManifest(blobs["index.json"])
	for err == nil && len(m.Manifests) > 0 {
		next := m.Manifests[0]
		for _, d := range m.Manifests {
			if d.Platform.Architecture == runtime.GOARCH {
				next = d
			}
		}
		m, err = parseManifest(blobs[blobName(next)])
	}
	if err != nil {
		return fmt.Errorf("reading the manifest of %s: %w", archive, err)
	}
	for _, layer := range m.Layers {
		cmd := exec.Command("tar", "-xz", "-C", dir)
		cmd.Stdin = bytes.NewReader(blobs[blobName(layer)])
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("unpacking a layer of %s: %w: %s", archive, err, out)
		}
	}
	return nil
}

func blobName(d descriptor) string { return "blobs/" + strings.Replace(d.Digest, ":", "/", 1) }

func parseManifest(blob []byte) (manifest, error) {
	var m manifest
	err := json.Unmarshal(blob, &m)
	return m, err
}

func readArchive(name string) (map[string][]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	blobs := map[string][]byte{}
	for r := tar.NewReader(file); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return blobs, nil
		}
		if err != nil {
			return nil, err
		}
		if blobs[header.Name], err = io.ReadAll(r); err != nil {
			return nil, err
		}
	}
}
