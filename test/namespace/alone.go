package namespace

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// aloneVariable is set in the process that Alone starts.
const aloneVariable = "HAPAIR_TEST_ALONE"

// Alone runs the test binary again in a new network namespace, whose loopback is down, and exits with its exit code. In
// that process it returns. Call it in TestMain. The whole process is inside the namespace, so tests may start
// goroutines, which namespace.Do does not allow.
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
