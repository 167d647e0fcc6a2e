// Package poll waits for conditions that can only be polled. Cluster, demo, benchmarks and tests use it.
package poll

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// permanent is an error that ends polling.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error that no further polling can remove. It returns nil for nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// Until calls check at intervals until it returns no error. It returns the last error if the context ends first, and a
// permanent error at once.
func Until(ctx context.Context, interval time.Duration, what string, check func(context.Context) error) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		if fatal := (permanent{}); errors.As(err, &fatal) {
			return fatal.error
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, errors.Join(ctx.Err(), err))
		case <-ticker.C:
		}
	}
}
