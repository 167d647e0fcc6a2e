package endurance

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// waitTimeout bounds the time until traffic flows, and the time until it has proved that it continues. The backoff of
	// TCP may double the time of an outage, and the machine may be busy.
	waitTimeout = 30 * time.Second
	// interval is the pause between two checks of a condition.
	interval = 10 * time.Millisecond
)

// Traffic is one kind of connection between two hosts.
type Traffic interface {
	// Begin opens the connection and returns when traffic flows. The traffic ends with the context. Close must be called
	// even if Begin fails.
	Begin(ctx context.Context) error
	// Reset discards all gaps and losses so far, so that Check reports only later ones.
	Reset()
	// Check waits until the traffic has shown whether it continues, closes it properly, and reports.
	Check(ctx context.Context) Report
	// Close ends the traffic and waits for everything that it started.
	Close()
}

// Kind is traffic with a name, which reports and errors have.
type Kind struct {
	Name string
	Traffic
}

// Run is several kinds of traffic at once.
type Run struct{ kinds []Kind }

// Begin starts all kinds one after another and returns when all flow. Close ends them. If the context ends first, Close
// must still be called.
func Begin(ctx context.Context, kinds ...Kind) (*Run, error) {
	r := &Run{}
	for _, kind := range kinds {
		r.kinds = append(r.kinds, kind)
		if err := kind.Begin(ctx); err != nil {
			r.Close()
			return nil, fmt.Errorf("%s: %w", kind.Name, err)
		}
	}
	return r, nil
}

// Reset discards all gaps and losses so far.
func (r *Run) Reset() {
	for _, kind := range r.kinds {
		kind.Reset()
	}
}

// Check checks all kinds at once, and reports them in the order in which they began.
func (r *Run) Check(ctx context.Context) []Report {
	reports := make([]Report, len(r.kinds))
	var done sync.WaitGroup
	for i, kind := range r.kinds {
		done.Go(func() {
			reports[i] = kind.Check(ctx)
			reports[i].Kind = kind.Name
		})
	}
	done.Wait()
	return reports
}

// Close ends all traffic.
func (r *Run) Close() {
	for _, kind := range r.kinds {
		kind.Close()
	}
}

// task holds the goroutines of one kind of traffic. They end with a context.
type task struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// withCancel returns the context of everything that the task starts.
func (t *task) withCancel(ctx context.Context) context.Context {
	ctx, t.cancel = context.WithCancel(ctx)
	return ctx
}

// Close ends the task and waits for it. It may be called before withCancel.
func (t *task) Close() {
	if t.cancel != nil {
		t.cancel()
	}
	t.done.Wait()
}
