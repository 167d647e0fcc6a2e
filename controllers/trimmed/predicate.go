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
		return !equality.Semantic.DeepEqual(withoutVersion(e.ObjectOld), withoutVersion(e.ObjectNew))
	}}
}

// withoutVersion returns a copy of an object without its resource version, which every write changes.
func withoutVersion(object client.Object) client.Object {
	object, _ = object.DeepCopyObject().(client.Object) // a copy is of the same type
	object.SetResourceVersion("")
	return object
}
