package chaos

import (
	"context"
	"fmt"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/test/internal/story"
	"github.com/hapair-io/hapair/test/internal/tracer"
)

const (
	// askTimeout bounds one question to an API server that may be frozen.
	askTimeout = 2 * time.Second
	// askAgain is how soon it is asked again.
	askAgain = 100 * time.Millisecond
	// maxTurns bounds the memory.
	maxTurns = 256
)

// holders follows the Lease: who held it, in which order.
type holders struct {
	stage story.Stage
	done  sync.WaitGroup

	mu    sync.Mutex
	turns []tracer.Turn
	last  string
}

// followHolders notes the holder of now, and follows until the context ends.
func followHolders(ctx context.Context, stage story.Stage) (*holders, error) {
	h := &holders{stage: stage}
	lease, err := h.ask(ctx)
	if err != nil {
		return nil, err
	}
	h.note(lease)
	if len(h.turns) == 0 {
		return nil, fmt.Errorf("nobody holds Lease %s", stage.Pair)
	}
	h.done.Go(func() {
		for pause(ctx, 0) {
			if h.follow(ctx) != nil && !pause(ctx, askAgain) {
				return
			}
		}
	})
	return h, nil
}

// follow asks for the Lease and watches it from there on, until the watch ends.
func (h *holders) follow(ctx context.Context) error {
	lease, err := h.ask(ctx)
	if err != nil {
		return err
	}
	h.note(lease)
	changes, err := h.stage.Client.Watch(ctx, &coordinationv1.LeaseList{}, client.InNamespace(h.stage.Pair.Namespace),
		client.MatchingFields{"metadata.name": h.stage.Pair.Name},
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
			h.note(lease)
		}
	}
}

func (h *holders) ask(ctx context.Context) (*coordinationv1.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	lease := &coordinationv1.Lease{}
	if err := h.stage.Client.Get(ctx, h.stage.Pair, lease); err != nil {
		return nil, fmt.Errorf("reading Lease %s: %w", h.stage.Pair, err)
	}
	return lease, nil
}

// note adds a turn when the holder is another. A term that was not seen was somebody's.
func (h *holders) note(lease *coordinationv1.Lease) {
	unit, err := story.HolderUnit(lease)
	if err != nil || lease.Spec.LeaseTransitions == nil {
		return // nobody holds it: nobody's turn
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if holder := *lease.Spec.HolderIdentity; holder == h.last {
		return
	} else {
		h.last = holder
	}
	term := int64(*lease.Spec.LeaseTransitions)
	if n := len(h.turns); n > 0 {
		for missed := h.turns[n-1].Term + 1; missed < term && len(h.turns) < maxTurns; missed++ {
			h.turns = append(h.turns, tracer.Turn{Term: missed})
		}
	}
	if len(h.turns) < maxTurns {
		h.turns = append(h.turns, tracer.Turn{Unit: string(unit), Term: term})
	}
}

// all are the turns so far.
func (h *holders) all() []tracer.Turn {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]tracer.Turn(nil), h.turns...)
}

func (h *holders) wait() { h.done.Wait() }

// pause reports whether the context is still alive after a while.
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
