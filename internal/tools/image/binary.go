package main

import (
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// binary is the program, built for one platform.
type binary struct {
	Platform v1.Platform
	Path     string
	// Root is a directory with further files of the image, such as an interpreter; empty without one.
	Root string
}

// parseBinaries parses values of the form OS/ARCH[/VARIANT]=FILE. It refuses a repeated platform.
func parseBinaries(values []string) ([]binary, error) {
	var binaries []binary
	for _, value := range values {
		text, path, ok := strings.Cut(value, "=")
		if !ok || path == "" {
			return nil, fmt.Errorf("--binary %q: want OS/ARCH=FILE, as in linux/amd64=bin/manager", value)
		}
		platform, err := v1.ParsePlatform(text)
		if err != nil {
			return nil, fmt.Errorf("--binary %q: %w", value, err)
		}
		if platform.OS == "" || platform.Architecture == "" {
			return nil, fmt.Errorf("--binary %q: %q is not a platform like linux/amd64", value, text)
		}
		for _, earlier := range binaries {
			if earlier.Platform.Equals(*platform) {
				return nil, fmt.Errorf("--binary %q: platform %s is repeated", value, platform)
			}
		}
		binaries = append(binaries, binary{Platform: *platform, Path: path})
	}
	return binaries, nil
}

// addRoots sets the root directories of binaries from values of the form [OS/ARCH[/VARIANT]=]DIR. A value without a
// platform is for all platforms. It refuses a platform that no binary has.
func addRoots(binaries []binary, values []string) error {
	for _, value := range values {
		text, dir, isForOne := strings.Cut(value, "=")
		if !isForOne {
			dir = value
		}
		if dir == "" {
			return fmt.Errorf("--root %q: want a directory, or OS/ARCH=DIR", value)
		}
		found := false
		for i, b := range binaries {
			if isForOne && b.Platform.String() != text {
				continue
			}
			if b.Root != "" {
				return fmt.Errorf("--root %q: platform %s has the root %s already", value, b.Platform, b.Root)
			}
			binaries[i].Root, found = dir, true
		}
		if !found {
			return fmt.Errorf("--root %q: no --binary is for %s", value, text)
		}
	}
	return nil
}
