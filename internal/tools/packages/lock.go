package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// locked is one package of a lock file: a line of it.
type locked struct {
	// Architecture is that of the image. The package may be for all.
	Architecture string
	Name         string
	Version      string
	// Archive is the archive of Debian that has the package: the name of a mirror.
	Archive string
	// Path is the file's path in the archive.
	Path   string
	Size   int64
	SHA256 string
}

const lockHeader = `# Written by "make update-packages". Do not edit.
# architecture package version archive path size SHA-256
`

const lockFields = 7

// formatLock returns the text of a lock file. It sorts the packages.
func formatLock(packages []locked) []byte {
	slices.SortFunc(packages, func(a, b locked) int {
		return cmp.Or(cmp.Compare(a.Architecture, b.Architecture), cmp.Compare(a.Name, b.Name))
	})
	var text bytes.Buffer
	text.WriteString(lockHeader)
	for _, p := range packages {
		fmt.Fprintln(&text, p.Architecture, p.Name, p.Version, p.Archive, p.Path, p.Size, p.SHA256)
	}
	return text.Bytes()
}

// parseLock parses a lock file. It refuses a package that is pinned twice, or without a complete SHA-256.
func parseLock(text []byte) ([]locked, error) {
	var packages []locked
	seen := map[[2]string]bool{}
	scanner := bufio.NewScanner(bytes.NewReader(text))
	for number := 1; scanner.Scan(); number++ {
		line := scanner.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		p, err := parseLocked(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		key := [2]string{p.Architecture, p.Name}
		if seen[key] {
			return nil, fmt.Errorf("line %d: package %s is repeated", number, p.Name)
		}
		seen[key] = true
		packages = append(packages, p)
	}
	return packages, scanner.Err()
}

func parseLocked(line string) (locked, error) {
	fields := strings.Fields(line)
	if len(fields) != lockFields {
		return locked{}, fmt.Errorf("%d fields, want %d", len(fields), lockFields)
	}
	size, err := strconv.ParseInt(fields[5], 10, 64)
	if err != nil || size <= 0 {
		return locked{}, fmt.Errorf("size %q: want a positive number", fields[5])
	}
	if sum, err := hex.DecodeString(fields[6]); err != nil || len(sum) != 32 || strings.ToLower(fields[6]) != fields[6] {
		return locked{}, fmt.Errorf("SHA-256 %q: want 64 lower-case hexadecimal digits", fields[6])
	}
	file := fields[4]
	if path.Clean(file) != file || !strings.HasPrefix(file, "pool/") || !strings.HasSuffix(file, ".deb") {
		return locked{}, fmt.Errorf("path %q: want pool/….deb", file)
	}
	return locked{
		Architecture: fields[0], Name: fields[1], Version: fields[2], Archive: fields[3], Path: file,
		Size: size, SHA256: fields[6],
	}, nil
}

// forArchitecture returns the packages of one architecture.
func forArchitecture(packages []locked, architecture string) []locked {
	return slices.DeleteFunc(slices.Clone(packages), func(p locked) bool { return p.Architecture != architecture })
}
