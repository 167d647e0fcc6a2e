package main

import (
	"context"
	"fmt"
	"strings"
)

// mirrors are the base addresses of Debian's archives by name.
type mirrors map[string]string

// The archives of Debian. Their names are the labels of their Release files in lower case.
const (
	archiveDebian   = "debian"
	archiveSecurity = "debian-security"
)

// findMirrors returns the given mirrors, and for the other archives those that apt on this machine uses.
func findMirrors(ctx context.Context, given map[string]string) (mirrors, error) {
	out, err := run(ctx, nil, "apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)", "Created-By: Packages")
	if err != nil {
		return nil, fmt.Errorf("asking apt for its archives: %w", err)
	}
	found := parseTargets(out)
	for name, address := range given {
		found[name] = address
	}
	for _, name := range []string{archiveDebian, archiveSecurity} {
		if found[name] == "" {
			return nil, fmt.Errorf("apt on this machine has no archive %[1]s; "+
				"run apt-get update, or give one with --mirror %[1]s=ADDRESS", name)
		}
		found[name] = strings.TrimSuffix(found[name], "/") + "/"
	}
	return found, nil
}

// parseTargets parses lines of a label and an address. The first address of an archive counts.
func parseTargets(text string) mirrors {
	found := mirrors{}
	for line := range strings.Lines(text) {
		label, address, ok := strings.Cut(strings.TrimSpace(line), " ")
		if name := strings.ToLower(label); ok && found[name] == "" {
			found[name] = address
		}
	}
	return found
}

// locate splits the address of a package into the name of its archive and its path there.
func (m mirrors) locate(address string) (archive, path string, ok bool) {
	for _, name := range []string{archiveDebian, archiveSecurity} {
		if path, ok := strings.CutPrefix(address, m[name]); ok {
			return name, path, true
		}
	}
	return "", "", false
}

// sources returns the lines of a sources.list for a suite.
func (m mirrors) sources(suite string) string {
	const format = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n"
	return fmt.Sprintf(format, m[archiveDebian], suite) +
		fmt.Sprintf(format, m[archiveDebian], suite+"-updates") +
		fmt.Sprintf(format, m[archiveSecurity], suite+"-security")
}
