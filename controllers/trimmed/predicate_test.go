package trimmed

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// A renewal causes no reconcile. With hundreds of pairs the operator would otherwise do little else.
func TestChangesOfALease(t *testing.T) {
	type lease = *coordinationv1.Lease
	for name, test := range map[string]struct {
		change func(lease)
		want   bool
	}{
		"nothing": {func(lease) {}, false},
		"renewal": {func(l lease) {
			l.ResourceVersion, l.Generation = "8", 9
			l.Spec.RenewTime = new(metav1.NewMicroTime(time.Unix(2, 0)))
			l.ManagedFields = append(l.ManagedFields, metav1.ManagedFieldsEntry{Manager: "hapair-sidecar"})
		}, false},
		"another duration":            {func(l lease) { l.Spec.LeaseDurationSeconds = new(int32(7)) }, false},
		"a note between the units":    {func(l lease) { l.Annotations["hapair.io/lease-standby"] = "x" }, false},
		"the first annotation":        {func(l lease) { l.Annotations = nil }, false},
		"another holder":              {func(l lease) { l.Spec.HolderIdentity = new("secondary/2/3") }, true},
		"no holder":                   {func(l lease) { l.Spec.HolderIdentity = nil }, true},
		"another term":                {func(l lease) { l.Spec.LeaseTransitions = new(int32(8)) }, true},
		"a requested switchover":      {func(l lease) { l.Annotations[v1alpha1.AnnotationSwitchoverTo] = "primary" }, true},
		"a pause of another's making": {func(l lease) { l.Annotations["hapair.io/paused"] = "true" }, false},
		"a label of another":          {func(l lease) { l.Labels["team"] = "edge" }, false},
		"a label changed":             {func(l lease) { l.Labels[v1alpha1.LabelPair] = "core" }, true},
		"all fields taken over":       {func(l lease) { l.ManagedFields = nil }, true},
		"a label less":                {func(l lease) { l.Labels = nil }, true},
		"an owner less":               {func(l lease) { l.OwnerReferences = nil }, true},
		"another of its name":         {func(l lease) { l.UID = "2" }, true},
		"its end":                     {func(l lease) { l.DeletionTimestamp = new(metav1.Now()) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			before := &coordinationv1.Lease{
				ObjectMeta: metav1.ObjectMeta{
					Name: "edge", UID: "1", ResourceVersion: "7", Labels: map[string]string{v1alpha1.LabelPair: "edge"},
					OwnerReferences: []metav1.OwnerReference{{Name: "edge"}},
					Annotations:     map[string]string{"hapair.io/lease-giver": "x"},
					ManagedFields:   appliedFields(`{"f:metadata":{"f:labels":{"f:hapair.io/pair":{}}}}`),
				},
				Spec: coordinationv1.LeaseSpec{
					HolderIdentity: new("primary/1/2"), LeaseTransitions: new(int32(7)), LeaseDurationSeconds: new(int32(15)),
					RenewTime: new(metav1.NewMicroTime(time.Unix(1, 0))),
				},
			}
			after := before.DeepCopy()
			test.change(after)
			e := event.UpdateEvent{ObjectOld: trimmed(t, before), ObjectNew: trimmed(t, after)}
			if got := Changes().Update(e); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
