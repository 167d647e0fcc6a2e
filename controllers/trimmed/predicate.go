package trimmed

import (
	"k8s.io/apimachinery/pkg/api/equality"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// Changes returns a predicate that drops updates which change nothing that the cache keeps, such as the renewal of a
// Lease.
func Changes() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*object)
		if !ok {
			return true
		}
		after, ok := e.ObjectNew.(*object)
		return !ok || before.applied != after.applied ||
			!equality.Semantic.DeepEqual(withoutVersion(before.Object), withoutVersion(after.Object))
	}}
}

// withoutVersion returns a copy of an object without its resource version, which every write changes.
func withoutVersion(of client.Object) client.Object {
	copied := deepCopy(of)
	copied.SetResourceVersion("")
	return copied
}
