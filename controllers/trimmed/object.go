package trimmed

import (
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// object is what the cache stores: an object without the fields that nobody reads, and the digests of what the operator
// applied to it. It is a type of its own so that a reader which expects a whole object gets an error.
type object struct {
	client.Object
	applied Applied
}

// DeepCopyObject returns a copy with the same digests.
func (o *object) DeepCopyObject() runtime.Object {
	return &object{Object: deepCopy(o.Object), applied: o.applied}
}

// copyInto copies the object into an empty one of the same kind.
func (o *object) copyInto(into client.Object) error {
	from, to := reflect.ValueOf(deepCopy(o.Object)), reflect.ValueOf(into)
	if from.Type() != to.Type() {
		return fmt.Errorf("the cache holds %s, but %s was requested", from.Type(), to.Type())
	}
	to.Elem().Set(from.Elem())
	return nil
}

func deepCopy(of client.Object) client.Object {
	copied, _ := of.DeepCopyObject().(client.Object) // a copy has the same type
	return copied
}
