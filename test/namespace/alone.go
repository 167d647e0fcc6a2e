package namespace

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// aloneVariable is set in a program that Alone has started.
const aloneVariable = "HAPAIR_TEST_ALONE"

// Alone is for a TestMain. It runs the test binary again in a network namespace of its own, in which its loopback is
// down, and exits as that does; there it returns. What is tested may then start goroutines: unlike one thread, the
// whole process is inside.
func Alone() {
	if os.Getenv(aloneVariable) != "" {
		return
	}
	os.Exit(alone())
}

func alone() int {
	program, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "Finding the test binary:", err)
		return 1
	}
	command := exec.Command(program, os.Args[1:]...)
	command.Env = append(os.Environ(), aloneVariable+"=1")
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	err = command.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "Running the tests in a network namespace of their own (root needed):", err)
		return 1
	}
	return 0
}
