package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/class"
)

// commits lets the sinks commit in the background. A new commit replaces the one before.
type commits struct {
	config *Config
	next   chan context.Context // holds one

	mu     sync.Mutex
	cancel context.CancelFunc // of the last commit
}

// newCommits returns commits of which none is under way.
func newCommits(config *Config) *commits {
	return &commits{config: config, next: make(chan context.Context, 1), cancel: func() {}}
}

// promote prepares the classes for the unit's time as active.
func (c *commits) promote(ctx context.Context) error {
	var errs []error
	for _, class := range c.config.Classes {
		if class.Promote == nil {
			continue
		}
		if err := class.Promote(ctx); err != nil {
			errs = append(errs, fmt.Errorf("preparing class %s: %w", class.ID, err))
		}
	}
	return errors.Join(errs...)
}

// start starts a commit, which replaces the one before.
func (c *commits) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancel()
	commit, cancel := context.WithCancel(context.Background()) // ends by cancel, or with run
	c.cancel = cancel
	select {
	case <-c.next: // of an earlier call, and now cancelled
	default:
	}
	c.next <- commit
}

// stop cancels the commit under way: it would let entries age that the active still refreshes.
func (c *commits) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancel()
}

// run carries out commits, one after the other, until ctx ends.
func (c *commits) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case commit := <-c.next:
			c.commit(ctx, commit)
		}
	}
}

// commit lets each sink commit until either context ends.
func (c *commits) commit(ctx, commit context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(commit, cancel)()
	for _, class := range c.config.Classes {
		start, log := time.Now(), c.config.Log.WithValues("class", class.ID.String())
		if err := class.Sink.Commit(ctx); err != nil {
			log.Error(err, "Failed to commit class", "cancelled", commit.Err() != nil)
			continue
		}
		log.Info("Committed class", "took", time.Since(start).String())
	}
}

// runRefreshes refreshes the entries of a standby in regular intervals, so that they do not age out, until ctx ends.
func runRefreshes(ctx context.Context, config *Config, isStandby func() bool) {
	ticker := time.NewTicker(class.RefreshInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if !isStandby() {
			continue
		}
		for _, c := range config.Classes {
			if err := c.Sink.Refresh(ctx); err != nil {
				config.Log.Error(err, "Failed to refresh class", "class", c.ID.String())
			}
		}
	}
}
