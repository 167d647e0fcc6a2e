package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// aptHelper downloads files with the proxies and methods of apt.
const aptHelper = "/usr/lib/apt/apt-helper"

// download returns the files of packages, in their order. It only downloads those that the cache does not have.
func download(ctx context.Context, cache string, m mirrors, packages []locked) ([]string, error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	partial, err := os.MkdirTemp(cache, ".partial-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(partial) }()

	files := make([]string, len(packages))
	args := []string{"-qq", "download-file"}
	var missing []int
	for i, p := range packages {
		// The name has the hash, so that another file of the same version is another entry.
		files[i] = filepath.Join(cache, p.SHA256+".deb")
		switch err := verify(files[i], p); {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, i)
			args = append(args, m[p.Archive]+escape(p.Path), filepath.Join(partial, p.SHA256), "SHA256:"+p.SHA256)
		case err != nil:
			return nil, err
		}
	}
	if len(missing) == 0 {
		return files, nil
	}
	if _, err := run(ctx, nil, aptHelper, args...); err != nil {
		return nil, fmt.Errorf("downloading %d packages: %w; if the archive no longer has a version, "+
			"run make update-packages, or set DEBIAN_MIRRORS to archives that keep old versions", len(missing), err)
	}
	for _, i := range missing {
		loaded := filepath.Join(partial, packages[i].SHA256)
		if err := verify(loaded, packages[i]); err != nil {
			return nil, err
		}
		if err := os.Rename(loaded, files[i]); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// verify checks the size and the hash of a file.
func verify(name string, p locked) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	if err != nil {
		return fmt.Errorf("reading %s: %w", name, err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != p.SHA256 || size != p.Size {
		return fmt.Errorf("%s is not %s %s: it has %d bytes and SHA-256 %s, want %d bytes and %s; remove it",
			name, p.Name, p.Version, size, got, p.Size, p.SHA256)
	}
	return nil
}

// escape returns the path as a part of an address.
func escape(path string) string {
	return strings.ReplaceAll((&url.URL{Path: path}).EscapedPath(), "+", "%2b")
}
