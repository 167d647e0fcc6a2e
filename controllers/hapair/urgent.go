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

// When a node dies on which many units are active, all their pairs fail over at once. Their Services then come first,
// of all of them, and labels and status after that: nobody's traffic waits for what people read.
const (
	// priorityFailover is of a pair whose Lease changed.
	priorityFailover = 100
	// priorityNormal is of all else that happens.
	priorityNormal = 0
)

// urgent gives the changes that a handler is told of the priority of a failover. What a new watch finds is none.
func urgent(h handler.EventHandler) handler.EventHandler {
	return handler.Funcs{
		CreateFunc: h.Create,
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			if ordered, ok := q.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
				q = ahead{ordered}
			}
			h.Update(ctx, e, q)
		},
		DeleteFunc:  h.Delete,
		GenericFunc: h.Generic,
	}
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// ahead is a queue whose items are urgent unless they say otherwise.
type ahead struct {
	priorityqueue.PriorityQueue[reconcile.Request]
}

func (a ahead) Add(request reconcile.Request) { a.AddWithOpts(priorityqueue.AddOpts{}, request) }

func (a ahead) AddWithOpts(o priorityqueue.AddOpts, requests ...reconcile.Request) {
	if o.Priority == nil {
		o.Priority = new(priorityFailover)
	}
	a.PriorityQueue.AddWithOpts(o, requests...)
}

// ofController finds the pair that an object belongs to.
func ofController(manager ctrl.Manager) handler.EventHandler {
	return handler.EnqueueRequestForOwner(manager.GetScheme(), manager.GetRESTMapper(), &v1alpha1.HAPair{},
		handler.OnlyControllerOwner())
}
