package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const lockInterval = 100 * time.Millisecond

// lock prevents two commands from changing the cluster at once. It locks the state folder itself, so that it disappears
// with that folder, and with the process that holds it.
func (c *Cluster) lock(ctx context.Context) (unlock func(), err error) {
	for {
		if err := os.MkdirAll(stateDir, 0o700); err != nil {
			return nil, fmt.Errorf("creating the cluster's folder of state: %w", err)
		}
		unlock, err := tryLock()
		switch {
		case err == nil:
			return unlock, nil
		case !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("locking %s: %w", stateDir, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for another command that changes the cluster: %w", ctx.Err())
		case <-time.After(lockInterval):
		}
	}
}

func tryLock() (unlock func(), err error) {
	dir, err := os.Open(stateDir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = dir.Close()
		return nil, err
	}
	// Another command may have removed the folder between the two calls. Then this lock protects nothing.
	held, heldErr := dir.Stat()
	there, thereErr := os.Stat(stateDir)
	if err := errors.Join(heldErr, thereErr); err != nil || !os.SameFile(held, there) {
		_ = dir.Close()
		return nil, fs.ErrNotExist
	}
	return func() { _ = dir.Close() }, nil
}
