package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// apt is an apt with lists, caches and an empty package database of its own. It uses the proxies of this machine's apt.
type apt struct {
	dir     string
	mirrors mirrors
}

// newApt makes an apt for one suite and architecture in a new directory, and fetches the lists.
func newApt(ctx context.Context, dir string, m mirrors, suite, architecture string) (apt, error) {
	a := apt{dir: dir, mirrors: m}
	transport, err := transportOptions(ctx)
	if err != nil {
		return apt{}, err
	}
	for _, d := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return apt{}, err
		}
	}
	for name, text := range map[string]string{
		"status":       "",
		"sources.list": m.sources(suite),
		"apt.conf": transport + fmt.Sprintf(`Dir::State %[1]q;
Dir::State::lists "lists";
Dir::State::status "%[1]s/status";
Dir::State::extended_states "%[1]s/extended_states";
Dir::Cache "%[1]s/cache";
Dir::Etc::sourcelist "%[1]s/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::main "/dev/null";
APT::Architecture %[2]q;
APT::Architectures { %[2]q; };
APT::Sandbox::User "root";
Acquire::Languages "none";
`, dir, architecture),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return apt{}, err
		}
	}
	if _, err := a.run(ctx, "apt-get", "-qq", "update"); err != nil {
		return apt{}, fmt.Errorf("fetching the lists of %s for %s: %w", suite, architecture, err)
	}
	return a, nil
}

// transportOptions returns how apt on this machine reaches its archives, in the language of apt.conf.
func transportOptions(ctx context.Context) (string, error) {
	all, err := run(ctx, nil, "apt-config", "dump")
	if err != nil {
		return "", fmt.Errorf("asking apt for its proxies: %w", err)
	}
	var own strings.Builder
	for line := range strings.Lines(all) {
		for _, prefix := range []string{"Acquire::http", "Acquire::https", "Acquire::Retries"} {
			if strings.HasPrefix(line, prefix+" ") || strings.HasPrefix(line, prefix+"::") {
				own.WriteString(line)
			}
		}
	}
	return own.String(), nil
}

func (a apt) run(ctx context.Context, program string, args ...string) (string, error) {
	return run(ctx, []string{"APT_CONFIG=" + filepath.Join(a.dir, "apt.conf")}, program, args...)
}

// resolve returns the packages, and all that they depend on, in the newest versions.
func (a apt) resolve(ctx context.Context, architecture string, packages []string) ([]locked, error) {
	args := append([]string{"install", "-qq", "-y", "--no-install-recommends", "--print-uris"}, packages...)
	text, err := a.run(ctx, "apt-get", args...)
	if err != nil {
		return nil, fmt.Errorf("resolving dependencies: %w", err)
	}
	var resolved []locked
	for line := range strings.Lines(text) {
		p, err := a.parseAddress(line)
		if err != nil {
			return nil, err
		}
		p.Architecture = architecture
		resolved = append(resolved, p)
	}
	if len(resolved) == 0 {
		return nil, errors.New("apt resolved no packages")
	}
	return resolved, a.addHashes(ctx, resolved)
}

// parseAddress parses a line of --print-uris: an address in quotes, the name of the file, and its size.
func (a apt) parseAddress(line string) (locked, error) {
	fields := strings.Fields(line)
	if len(fields) < 3 {
		return locked{}, fmt.Errorf("apt printed %q, want address, file and size", line)
	}
	address, err := url.PathUnescape(strings.Trim(fields[0], "'"))
	if err != nil {
		return locked{}, fmt.Errorf("apt printed the address %s: %w", fields[0], err)
	}
	archive, path, ok := a.mirrors.locate(address)
	parts := strings.Split(fields[1], "_")
	if !ok || len(parts) != 3 {
		return locked{}, fmt.Errorf("apt printed %q, which is no package of a known archive", line)
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return locked{}, fmt.Errorf("apt printed %q: %w", line, err)
	}
	version, err := url.PathUnescape(parts[1])
	return locked{Name: parts[0], Version: version, Archive: archive, Path: path, Size: size}, err
}

// addHashes fills in the SHA-256 of each package from the signed lists.
func (a apt) addHashes(ctx context.Context, packages []locked) error {
	args := []string{"show"}
	for _, p := range packages {
		args = append(args, p.Name+"="+p.Version)
	}
	text, err := a.run(ctx, "apt-cache", args...)
	if err != nil {
		return fmt.Errorf("reading the hashes of packages: %w", err)
	}
	hashes := parseHashes(text)
	for i, p := range packages {
		if packages[i].SHA256 = hashes[[2]string{p.Name, p.Version}]; packages[i].SHA256 == "" {
			return fmt.Errorf("the lists have no SHA-256 of %s %s", p.Name, p.Version)
		}
	}
	return nil
}

// parseHashes parses stanzas of a list, and returns each SHA-256 by name and version.
func parseHashes(text string) map[[2]string]string {
	hashes := map[[2]string]string{}
	for stanza := range strings.SplitSeq(text, "\n\n") {
		fields := map[string]string{}
		for line := range strings.Lines(stanza) {
			if name, value, ok := strings.Cut(line, ": "); ok {
				fields[name] = strings.TrimSpace(value)
			}
		}
		hashes[[2]string{fields["Package"], fields["Version"]}] = fields["SHA256"]
	}
	return hashes
}
