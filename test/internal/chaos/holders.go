package chaos

import (
	"context"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/test/internal/scenario"
	"github.com/hapair-io/hapair/test/internal/tracer"
)

const (
	// requestTimeout bounds one request to an API server that may not answer.
	requestTimeout = 2 * time.Second
	// retryInterval is the pause before the next request.
	retryInterval = 100 * time.Millisecond
	// maxHolders bounds the memory.
	maxHolders = 256
)

// leaseWatcher records who held the Lease, in which order.
type leaseWatcher struct {
	setup scenario.Setup
	done  sync.WaitGroup

	mu      sync.Mutex
	holders []tracer.Holder
	last    string
}

// watchLease records the current holder and watches the Lease until the context ends.
func watchLease(ctx context.Context, setup scenario.Setup) (*leaseWatcher, error) {
	w := &leaseWatcher{setup: setup}
	lease, err := w.get(ctx)
	if err != nil {
		return nil, err
	}
	w.record(lease)
	if len(w.holders) == 0 {
		return nil, fmt.Errorf("no unit holds Lease %s", setup.Pair)
	}
	w.done.Go(func() {
		for pause(ctx, 0) {
			if w.follow(ctx) != nil && !pause(ctx, retryInterval) {
				return
			}
		}
	})
	return w, nil
}

// follow reads the Lease and watches it from that version on, until the watch ends.
func (w *leaseWatcher) follow(ctx context.Context) error {
	lease, err := w.get(ctx)
	if err != nil {
		return err
	}
	w.record(lease)
	changes, err := w.setup.Client.Watch(ctx, &coordinationv1.LeaseList{}, client.InNamespace(w.setup.Pair.Namespace),
		client.MatchingFields{"metadata.name": w.setup.Pair.Name},
		&client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: lease.ResourceVersion}})
	if err != nil {
		return err
	}
	defer changes.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case event, ok := <-changes.ResultChan():
			if !ok {
				return nil
			}
			lease, ok := event.Object.(*coordinationv1.Lease)
			if !ok {
				return fmt.Errorf("watching the Lease: %v", event.Object)
			}
			w.record(lease)
		}
	}
}

func (w *leaseWatcher) get(ctx context.Context) (*coordinationv1.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	lease := &coordinationv1.Lease{}
	if err := w.setup.Client.Get(ctx, w.setup.Pair, lease); err != nil {
		return nil, fmt.Errorf("reading Lease %s: %w", w.setup.Pair, err)
	}
	return lease, nil
}

// record adds the holder of the Lease if it differs from the last one. A term that was skipped gets an unknown holder.
func (w *leaseWatcher) record(lease *coordinationv1.Lease) {
	unit, err := scenario.HolderUnit(lease)
	if err != nil || lease.Spec.LeaseTransitions == nil {
		return // the Lease has no holder
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if holder := *lease.Spec.HolderIdentity; holder == w.last {
		return
	} else {
		w.last = holder
	}
	term := int64(*lease.Spec.LeaseTransitions)
	if n := len(w.holders); n > 0 {
		for missed := w.holders[n-1].Term + 1; missed < term && len(w.holders) < maxHolders; missed++ {
			w.holders = append(w.holders, tracer.Holder{Term: missed})
		}
	}
	if len(w.holders) < maxHolders {
		w.holders = append(w.holders, tracer.Holder{Unit: string(unit), Term: term})
	}
}

// list returns the holders so far.
func (w *leaseWatcher) list() []tracer.Holder {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]tracer.Holder(nil), w.holders...)
}

func (w *leaseWatcher) wait() { w.done.Wait() }

// pause waits for d and reports whether the context has not ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}
