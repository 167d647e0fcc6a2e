package lease

import (
	"context"
	"errors"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/ha"
)

// errSilent ends a watch that was silent for too long.
var errSilent = errors.New("the watch has been silent")

// Watch calls seen with every record that the API server sends, until the context ends. A watch that breaks is started
// again after a pause that grows. It begins with a read, so that no change is missed. Records can be older than what
// Read and Write returned meanwhile. Watch calls seen from one goroutine, and not after it returned.
func (c *Client) Watch(ctx context.Context, seen func(ha.Record)) {
	pause := newBackoff()
	for ctx.Err() == nil {
		started := time.Now()
		err := c.watchOnce(ctx, seen)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, errSilent) {
			c.config.Log.V(1).Info("Restarting lease watch", "lease", c.config.Name, "cause", err.Error())
		} else if err != nil {
			c.config.Log.Error(err, "Watching lease", "lease", c.config.Name)
		}
		if time.Since(started) > c.config.Timeout {
			pause.Reset()
		}
		backoff.Sleep(ctx, pause.Next())
	}
}

// newBackoff returns pauses that spread the sidecars of many pairs when an API server restarts.
func newBackoff() backoff.Backoff {
	return backoff.Backoff{Initial: 50 * time.Millisecond, Max: 2 * time.Second, Jitter: 0.5}
}

// watchOnce reads the Lease and follows it from there. It ends the context of the watch, which releases the connection.
func (c *Client) watchOnce(ctx context.Context, seen func(ha.Record)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	version, err := c.begin(ctx, seen)
	if err != nil {
		return err
	}
	unanswered := time.AfterFunc(c.config.Timeout, cancel) // A watch has no deadline, but its start has one.
	w, err := c.leases.Watch(ctx, metav1.ListOptions{
		FieldSelector:   fields.OneTermEqualSelector(metav1.ObjectNameField, c.config.Name).String(),
		ResourceVersion: version,
	})
	unanswered.Stop()
	if err != nil {
		return fmt.Errorf("starting a watch: %w", err)
	}
	defer w.Stop()
	return c.follow(ctx, w, seen)
}

// begin reads the Lease and returns the version to watch from. If there is no Lease, the watch starts from now.
func (c *Client) begin(ctx context.Context, seen func(ha.Record)) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	l, err := c.leases.Get(ctx, c.config.Name, metav1.GetOptions{})
	switch {
	case err == nil:
		seen(c.remember(l))
		return l.ResourceVersion, nil
	case apierrors.IsNotFound(err):
		return "", nil
	default:
		return "", fmt.Errorf("reading before a watch: %w", err)
	}
}

// follow passes records on until the watch ends or is silent for too long. It does not pass on a deletion: the holder
// notices it at its next write, and the others wait until the Lease is created again.
func (c *Client) follow(ctx context.Context, w watch.Interface, seen func(ha.Record)) error {
	silence := time.NewTimer(c.config.Silence)
	defer silence.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-silence.C:
			return fmt.Errorf("%w for %s", errSilent, c.config.Silence)
		case ev, ok := <-w.ResultChan():
			if !ok {
				return nil // The server ends every watch after a while.
			}
			silence.Reset(c.config.Silence)
			switch ev.Type {
			case watch.Added, watch.Modified:
				if l, isLease := ev.Object.(*coordinationv1.Lease); isLease {
					seen(c.remember(l))
				}
			case watch.Error:
				return fmt.Errorf("following a watch: %w", apierrors.FromObject(ev.Object))
			case watch.Deleted, watch.Bookmark:
			}
		}
	}
}
