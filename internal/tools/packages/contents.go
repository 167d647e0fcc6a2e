package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// contents describes what an image takes from Debian.
type contents struct {
	// Suite is the release of Debian, as in trixie.
	Suite string `json:"suite"`
	// Packages are those with the programs. Apt adds what they depend on.
	Packages []string `json:"packages"`
	// Files are patterns of paths (path.Match) that the image needs. A pattern that ends in a slash selects everything
	// below a directory. Each must match. The libraries that selected programs link are added.
	Files []string `json:"files"`
	// Directories are empty directories of the image.
	Directories []string `json:"directories,omitempty"`
	// Links are symbolic links of the image, by path.
	Links map[string]string `json:"links,omitempty"`
	// Texts are small files of the image by path, such as /etc/passwd, that scripts of packages would write.
	Texts map[string]string `json:"texts,omitempty"`
}

const (
	contentsName = "contents.yaml"
	lockName     = "packages.lock"
)

// readContents reads contents.yaml of an image.
func readContents(image string) (contents, error) {
	file := filepath.Join(image, contentsName)
	data, err := os.ReadFile(file)
	if err != nil {
		return contents{}, fmt.Errorf("reading what the image contains: %w", err)
	}
	c, err := parseContents(data)
	if err != nil {
		return contents{}, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}

func parseContents(data []byte) (contents, error) {
	var c contents
	if err := yaml.UnmarshalStrict(data, &c); err != nil {
		return contents{}, err
	}
	if c.Suite == "" || len(c.Packages) == 0 || len(c.Files) == 0 {
		return contents{}, fmt.Errorf("suite, packages and files must not be empty")
	}
	for _, p := range c.paths() {
		if !path.IsAbs(p) || path.Clean(p) != strings.TrimSuffix(p, "/") {
			return contents{}, fmt.Errorf("%q is not a clean absolute path", p)
		}
		if _, err := path.Match(p, "/"); err != nil {
			return contents{}, fmt.Errorf("%q: %w", p, err)
		}
	}
	return c, nil
}

// paths returns every path and pattern.
func (c contents) paths() []string {
	paths := append(append([]string{}, c.Files...), c.Directories...)
	for p := range c.Links {
		paths = append(paths, p)
	}
	for p := range c.Texts {
		paths = append(paths, p)
	}
	return paths
}
