package cluster

import (
	"fmt"
	"math"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// startDetached starts a command that outlives this process. It holds none of this process's files but those of its
// own: a caller that reads this process's output to the end, as a shell's pipe does, would otherwise wait for the node.
func startDetached(command *exec.Cmd, output *os.File) error {
	command.Stdin, command.Stdout, command.Stderr = nil, output, output
	// Go closes what it opened itself. What this process inherited, for example from a shell or from make, is left to it.
	const firstInherited = 3
	if err := unix.CloseRange(firstInherited, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("keeping inherited files from %s: %w", command.Path, err)
	}
	return command.Start()
}
