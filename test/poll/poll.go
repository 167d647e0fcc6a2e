// Package poll waits for conditions that can only be polled. Cluster, demo, benchmarks and tests use it.
package poll

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Until calls check at intervals until it returns no error. If the context ends first, Until returns the last error.
func Until(ctx context.Context, interval time.Duration, what string, check func(context.Context) error) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, errors.Join(ctx.Err(), err))
		case <-ticker.C:
		}
	}
}
