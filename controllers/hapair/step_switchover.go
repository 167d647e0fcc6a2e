package hapair

import (
	"context"
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// switchover is a user's request to move the active role, which annotations of the pair carry.
type switchover struct {
	// request identifies the request; empty without a request.
	request string
	// pending is set until the request is handled.
	pending bool
	// to is the unit that is to become active; empty while that is not known.
	to v1alpha1.Unit
	// refused is why the request cannot be carried out; empty if it can.
	refused string
}

// resolveSwitchover reads the request. The next step passes it on to the units by the Lease.
func (r *Reconciler) resolveSwitchover(_ context.Context, s *scope) error {
	s.switchover = requestedSwitchover(s.pair, s.facts)
	return nil
}

// requestedSwitchover returns the request of a pair. A request without a unit is for the standby. The Lease keeps which
// unit that was, so that a request never moves the role back after it moved it.
func requestedSwitchover(pair *v1alpha1.HAPair, f facts) switchover {
	written := pair.Annotations[v1alpha1.AnnotationSwitchoverRequestedAt]
	if written == "" {
		return switchover{}
	}
	request := shorten(written, maxValue)
	w := switchover{request: request, pending: request != pair.Status.LastHandledSwitchoverRequest}
	if _, err := time.Parse(time.RFC3339, written); err != nil {
		w.refused = fmt.Sprintf("annotation %s is %q and must be a time as in 2030-01-31T12:00:00Z",
			v1alpha1.AnnotationSwitchoverRequestedAt, request)
		return w
	}
	switch to := v1alpha1.Unit(pair.Annotations[v1alpha1.AnnotationSwitchoverTo]); {
	case isUnit(to):
		w.to = to
	case to != "":
		w.refused = fmt.Sprintf("annotation %s is %q and must be primary or secondary",
			v1alpha1.AnnotationSwitchoverTo, shorten(string(to), maxValue))
	case isUnit(f.switchoverTo):
		w.to = f.switchoverTo
	case f.active() != "":
		w.to = f.active().Peer()
	}
	return w
}

func isUnit(unit v1alpha1.Unit) bool { return unit == v1alpha1.Primary || unit == v1alpha1.Secondary }

// switchoverRequestChanged returns a predicate for updates that change the request. Annotations do not change the
// generation.
func switchoverRequestChanged() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, after := e.ObjectOld.GetAnnotations(), e.ObjectNew.GetAnnotations()
		return before[v1alpha1.AnnotationSwitchoverRequestedAt] != after[v1alpha1.AnnotationSwitchoverRequestedAt] ||
			before[v1alpha1.AnnotationSwitchoverTo] != after[v1alpha1.AnnotationSwitchoverTo]
	}}
}

// isHandled reports whether nothing is left to do for the request.
func (w switchover) isHandled(f facts) bool {
	return w.request != "" && (!w.pending || w.refused != "" || w.to != "" && f.active() == w.to)
}

// leaseAnnotations returns what the Lease carries to the units. It stays until the status has the request as handled:
// without it, a request that names no unit would be for the unit that was active before.
func (w switchover) leaseAnnotations() map[string]string {
	if !w.pending || w.refused != "" || w.to == "" {
		return nil
	}
	return map[string]string{v1alpha1.AnnotationSwitchoverTo: string(w.to)}
}

// switchoverCommand returns the command by which a person requests a switchover.
func switchoverCommand(pair *v1alpha1.HAPair) string {
	return fmt.Sprintf(`kubectl annotate hapair %s --namespace %s --overwrite %s="$(date --iso-8601=seconds)"`,
		pair.Name, pair.Namespace, v1alpha1.AnnotationSwitchoverRequestedAt)
}
