package endurance

import (
	"context"
	"sync"
	"time"
)

const (
	// patience bounds the time until traffic flows when it has begun, and the time that it has to show that it goes on.
	// TCP may wait as much longer again as it has already waited, and a machine may have more to do.
	patience = 30 * time.Second
	// interval is how often is looked for what nobody announces.
	interval = 10 * time.Millisecond
)

// Traffic is one kind of connection between two hosts.
type Traffic interface {
	// Begin opens it and returns when it flows. It ends when the context does. Close must be called, whatever Begin
	// returns.
	Begin(ctx context.Context) error
	// Forget forgets all gaps and losses so far: Check speaks of what comes after.
	Forget()
	// Check waits until the traffic has shown whether it goes on, brings it to its proper end, and reports it.
	Check(ctx context.Context) Report
	// Close ends it and waits for everything that it started.
	Close()
}

// Run is several kinds of traffic at once.
type Run struct{ kinds []Traffic }

// Begin starts them one after another and returns when all flow. Close ends them; so does the end of the context, after
// which Close must still be called.
func Begin(ctx context.Context, kinds ...Traffic) (*Run, error) {
	r := &Run{}
	for _, kind := range kinds {
		r.kinds = append(r.kinds, kind)
		if err := kind.Begin(ctx); err != nil {
			r.Close()
			return nil, err
		}
	}
	return r, nil
}

// Forget forgets all gaps and losses so far.
func (r *Run) Forget() {
	for _, kind := range r.kinds {
		kind.Forget()
	}
}

// Check checks all kinds at once, and reports them in the order in which they began.
func (r *Run) Check(ctx context.Context) []Report {
	reports := make([]Report, len(r.kinds))
	var done sync.WaitGroup
	for i, kind := range r.kinds {
		done.Go(func() { reports[i] = kind.Check(ctx) })
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

// task is what every kind of traffic has: goroutines that end with a context, and an owner who waits for them.
type task struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// under is the context of everything that the task starts.
func (t *task) under(ctx context.Context) context.Context {
	ctx, t.cancel = context.WithCancel(ctx)
	return ctx
}

// Close ends the task and waits for it. It may be called before it has begun.
func (t *task) Close() {
	if t.cancel != nil {
		t.cancel()
	}
	t.done.Wait()
}
