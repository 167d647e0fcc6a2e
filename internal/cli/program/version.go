package program

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// version and commit are set by the linker, as in
// -X github.com/hapair-io/hapair/internal/cli/program.version=0.1.0.
var version, commit string

// Build identifies the program that runs.
type Build struct {
	// Version is the release, Commit the revision of the sources, and Go the version of the toolchain.
	Version, Commit, Go string
}

// BuildInfo returns what identifies the program. A program that was not linked by the Makefile takes what the Go
// toolchain recorded.
func BuildInfo() Build {
	b := Build{Version: version, Commit: commit, Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.Version = cmp.Or(b.Version, info.Main.Version)
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				b.Commit = cmp.Or(b.Commit, setting.Value)
			}
		}
	}
	b.Version, b.Commit = cmp.Or(b.Version, "unknown"), cmp.Or(b.Commit, "unknown")
	return b
}

// String returns the build in one line, as --version prints it.
func (b Build) String() string { return fmt.Sprintf("%s (commit %s, %s)", b.Version, b.Commit, b.Go) }

// LogValues returns the build as keys and values of a log line.
func (b Build) LogValues() []any { return []any{"version", b.Version, "commit", b.Commit, "go", b.Go} }
