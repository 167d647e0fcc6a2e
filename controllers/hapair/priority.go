package hapair

import (
	"context"

	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// When a node dies on which many units are active, all their pairs fail over at once. The Services of all of them then
// come first, and labels and status after that: no traffic waits for what people read.
const (
	// priorityFailover is that of a pair whose Lease changed.
	priorityFailover = 100
	// priorityNormal is that of all other changes.
	priorityNormal = 0
)

// withFailoverPriority makes a handler enqueue updates with the priority of a failover. Objects that a new watch finds
// keep the normal one.
func withFailoverPriority(h handler.EventHandler) handler.EventHandler {
	return handler.Funcs{
		CreateFunc: h.Create,
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			if ordered, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
				q = failoverQueue{ordered}
			}
			h.Update(ctx, e, q)
		},
		DeleteFunc:  h.Delete,
		GenericFunc: h.Generic,
	}
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// failoverQueue adds items with the priority of a failover unless they have another.
type failoverQueue struct {
	priorityqueue.PriorityQueue[reconcile.Request]
}

// Add adds a request with the priority of a failover.
func (q failoverQueue) Add(request reconcile.Request) {
	q.AddWithOpts(priorityqueue.AddOpts{}, request)
}

// AddWithOpts adds requests, with the priority of a failover where the options have none.
func (q failoverQueue) AddWithOpts(o priorityqueue.AddOpts, requests ...reconcile.Request) {
	if o.Priority == nil {
		o.Priority = new(priorityFailover)
	}
	q.PriorityQueue.AddWithOpts(o, requests...)
}

// enqueueOwner returns a handler that enqueues the pair which controls an object.
func enqueueOwner(manager ctrl.Manager) handler.EventHandler {
	return handler.EnqueueRequestForOwner(manager.GetScheme(), manager.GetRESTMapper(), &v1alpha1.HAPair{},
		handler.OnlyControllerOwner())
}
