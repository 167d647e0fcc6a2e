// Package saturation keeps every processor of the machine busy with other programs, as on a node that runs more than
// it has processors for. Tests call it that must hold under load.
package saturation

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
)

// variable is the environment variable that makes a process which Start has started only compute.
const variable = "HAPAIR_TEST_SATURATION"

// Program computes until its input ends and then exits, if Start has started this process for that. Otherwise it
// returns. A test binary that uses Start must call it in its TestMain.
func Program() {
	if os.Getenv(variable) == "" {
		return
	}
	go func() {
		// The input ends with the process that started this one, even if that is killed.
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	for sum := [sha256.Size]byte{}; ; sum = sha256.Sum256(sum[:]) {
	}
}

// Load is a set of programs that use all processors.
type Load struct{ programs []program }

type program struct {
	command *exec.Cmd
	input   io.Closer
}

// Start starts one program for each processor. They have the priority of any other program. Stop ends them.
func Start(ctx context.Context) (*Load, error) {
	l := &Load{}
	for range runtime.NumCPU() {
		if err := l.add(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("starting a program that uses a processor: %w", err), l.Stop())
		}
	}
	return l, nil
}

func (l *Load) add(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, self)
	command.Env = append(os.Environ(), variable+"=1")
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	l.programs = append(l.programs, program{command: command, input: input})
	return nil
}

// Stop ends the programs and waits for them.
func (l *Load) Stop() error {
	var errs []error
	for _, p := range l.programs {
		errs = append(errs, p.input.Close(), p.command.Wait())
	}
	l.programs = nil
	return errors.Join(errs...)
}
