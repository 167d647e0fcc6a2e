package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// RunIn runs a command in all namespaces of the process pid except the user namespace, and returns its exit code. The
// command ends with the caller. Signals from the terminal are passed on.
func RunIn(pid int, args []string) (int, error) {
	// /proc/self/exe names this program only while the process is in its own pid namespace.
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	// This thread leaves its namespaces here and is never used for anything else.
	runtime.LockOSThread()
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return 0, fmt.Errorf("opening process %d: %w", pid, err)
	}
	// A thread that shares its root and working directory with others may not change its mounts.
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return 0, fmt.Errorf("leaving the caller's working directory: %w", err)
	}
	const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWUTS |
		unix.CLONE_NEWIPC | unix.CLONE_NEWCGROUP
	if err := unix.Setns(handle, namespaces); err != nil {
		return 0, fmt.Errorf("entering the namespaces of process %d: %w", pid, err)
	}
	_ = unix.Close(handle)
	return runAsChild(self, args)
}

// GuestCommand is the argument with which a program that calls RunIn is started again, to call BecomeGuest.
const GuestCommand = "guest"

// runAsChild starts a command from the calling, locked thread and waits for it. The program starts itself first,
// because only a process inside the namespace can tie the command to this process.
func runAsChild(self string, args []string) (int, error) {
	command := exec.Command(self, append([]string{GuestCommand, "--"}, args...)...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
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

// BecomeGuest makes the kernel end this process with the caller of RunIn, and then executes the command. It returns
// only with an error.
func BecomeGuest(args []string) error {
	path, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	runtime.LockOSThread() // the setting belongs to the thread and passes to the command
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("tying %s to its caller: %w", args[0], err)
	}
	// A parent outside the namespace has the ID 0. Another parent means that the caller has ended.
	if os.Getppid() != 0 {
		return fmt.Errorf("running %s: the caller has ended", args[0])
	}
	err = unix.Exec(path, args, os.Environ())
	return fmt.Errorf("running %s: %w", path, err)
}

// exitCode returns the exit code of a command. Like a shell it returns 128 plus the signal number after a signal.
func exitCode(err error) (int, error) {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0, err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}
