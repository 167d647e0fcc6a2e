package frr

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/hapair-io/hapair/internal/supervisor"
)

const (
	vtyshProgram = "/usr/bin/vtysh"
	// vtyshTimeout bounds one run.
	vtyshTimeout = 30 * time.Second
	// maxRefusal bounds the text of a refusal, in bytes.
	maxRefusal = 512
)

// Files with a whole configuration.
var (
	candidateFile = filepath.Join(configurationDirectory, "candidate.conf")
	acceptedFile  = filepath.Join(configurationDirectory, "frr.conf")
)

// vtysh runs FRR's shell.
type vtysh struct{ children *supervisor.Children }

// check returns why FRR refuses a configuration; empty if it knows all commands. Nothing that runs changes. The error
// is one of vtysh itself.
func (v vtysh) check(ctx context.Context, text string) (refusal string, err error) {
	if err := os.WriteFile(candidateFile, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("writing the configuration: %w", err)
	}
	return v.run(ctx, "--dryrun", "--inputfile", candidateFile)
}

// load gives one daemon its part of the accepted configuration. It returns why the daemon refuses it; empty if it does
// not.
func (v vtysh) load(ctx context.Context, daemon string) (refusal string, err error) {
	return v.run(ctx, "--no-fork", "--daemon", daemon, "--inputfile", acceptedFile)
}

func (v vtysh) run(ctx context.Context, args ...string) (refusal string, err error) {
	ctx, cancel := context.WithTimeout(ctx, vtyshTimeout)
	defer cancel()
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, vtyshProgram, args...)
	cmd.Stdout, cmd.Stderr = &output, &output
	err = v.children.Run(cmd)
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("vtysh did not end: %w", ctx.Err())
	case errors.As(err, &exit) && exit.Exited():
		return refusalOf(output.String()), nil
	case err != nil:
		return "", fmt.Errorf("running vtysh: %w", err)
	default:
		return "", nil
	}
}

// keyCommands are the words before keys.
var keyCommands = regexp.MustCompile(`\b(password|key-string|md5|authentication-key|authentication string) .*`)

// refusalOf returns what FRR has written about a configuration, in one line. It leaves out what follows from the rest,
// and keys: FRR repeats the commands that it refuses.
func refusalOf(output string) string {
	var lines []string
	for line := range strings.Lines(output) {
		line = keyCommands.ReplaceAllString(strings.TrimSpace(line), "$1 …")
		if line != "" && !strings.Contains(line, "processing failure") && !strings.HasPrefix(line, "Graceful restart") {
			lines = append(lines, line)
		}
	}
	text := strings.Join(lines, "; ")
	if text == "" {
		return "no reason given"
	}
	if len(text) > maxRefusal {
		text = strings.ToValidUTF8(text[:maxRefusal], "") + " …"
	}
	return text
}
