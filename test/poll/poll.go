// Package poll waits for a condition that nothing announces. Cluster, demo, benchmarks and tests use it.
package poll

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Until calls ask at intervals until it returns no error. If the context ends first, Until returns the last error.
func Until(ctx context.Context, interval time.Duration, what string, ask func(context.Context) error) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		err := ask(ctx)
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
