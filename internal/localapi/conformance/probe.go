package conformance

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// Actions of a probe. It is called with an action and the name of a client, and exits with status 0 if the provider
// granted what the client asked for.
const (
	// actionBegin asks for something that must survive a failover, such as a lease or a login.
	actionBegin = "begin"
	// actionCheck asks whether the provider still honours what it granted.
	actionCheck = "check"
	// actionEnd gives it back.
	actionEnd = "end"
)

// probePatience bounds one call of the probe. A provider that does not answer has not granted anything.
const probePatience = 5 * time.Second

// attempt is one call of the probe.
type attempt struct {
	granted      bool
	began, ended time.Time
	output       string
}

// call calls the probe.
func call(ctx context.Context, probe []string, action, client string) (attempt, error) {
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	arguments := append(append([]string(nil), probe[1:]...), action, client)
	command := exec.CommandContext(ctx, probe[0], arguments...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = time.Second
	output := &tail{}
	command.Stdout, command.Stderr = output, output
	a := attempt{began: time.Now()}
	err := command.Run()
	a.ended, a.granted, a.output = time.Now(), err == nil, output.String()
	var exit *exec.ExitError
	switch {
	case err == nil, errors.As(err, &exit), errors.Is(ctx.Err(), context.DeadlineExceeded):
		return a, nil
	default:
		return a, fmt.Errorf("calling the probe: %w", err)
	}
}
