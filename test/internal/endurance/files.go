package endurance

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// allowFiles raises the limit of open files of this process and the processes that it starts. It returns a function
// that restores the limit.
func allowFiles(number uint64) (restore func(), err error) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		return nil, fmt.Errorf("reading the limit of open files: %w", err)
	}
	if before.Cur >= number {
		return func() {}, nil
	}
	wanted := unix.Rlimit{Cur: number, Max: max(number, before.Max)}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &wanted); err != nil {
		return nil, fmt.Errorf("raising the limit of open files to %d (root, or `ulimit -n`): %w", number, err)
	}
	return func() { _ = unix.Setrlimit(unix.RLIMIT_NOFILE, &before) }, nil
}
