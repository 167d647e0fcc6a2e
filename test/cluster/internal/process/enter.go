package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"

	"golang.org/x/sys/unix"
)

// RunIn runs a command in all namespaces of the process pid, that of the machine's users excepted, and returns its
// exit code. The command ends when the caller does. Signals that people send from a terminal are handed on.
func RunIn(pid int, args []string) (int, error) {
	// The thread belongs to another world from here on and is never used for anything else.
	runtime.LockOSThread()
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0, fmt.Errorf("opening process %d: %w", pid, err)
	}
	// A thread that shares its root and working directory with others may not change its mounts.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return 0, fmt.Errorf("parting from the caller's working directory: %w", err)
	}
	const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWUTS |
		unix.CLONE_NEWIPC | unix.CLONE_NEWCGROUP
	if err := unix.Setns(handle, namespaces); err != nil {
		return 0, fmt.Errorf("entering the namespaces of process %d: %w", pid, err)
	}
	_ = unix.Close(handle)
	return runAsChild(args)
}

// runAsChild starts a command from the calling, locked thread and waits for it.
func runAsChild(args []string) (int, error) {
	path, err := exec.LookPath(args[0])
	if err != nil {
		return 0, err
	}
	command := exec.Command(path, args[1:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	defer signal.Stop(signals)
	if err := command.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	for {
		select {
		case s := <-signals:
			_ = command.Process.Signal(s) // it may have ended by itself
		case err := <-ended:
			return exitCode(err)
		}
	}
}

// exitCode follows the shell: what a signal ended counts 128 and the signal's number.
func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0, err
	}
	if status, ok := exit.Sys().(unix.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}
