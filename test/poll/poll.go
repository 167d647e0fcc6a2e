// Package poll waits for what nobody announces. Cluster, demo and tests wait with it.
package poll

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Until asks again and again until there is no error, and tells the last one when the context ends first.
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
