package trimmed

import (
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// BenchmarkTrimLease measures what a renewal costs. Each unit renews several times a minute, so with thousands of pairs
// this is most of what the operator does at rest.
func BenchmarkTrimLease(b *testing.B) {
	renewed := metav1.NewMicroTime(time.Unix(1, 0))
	lease := &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Name: "edge", Namespace: "sites", UID: "1", ResourceVersion: "7",
			Labels: map[string]string{v1alpha1.LabelPair: "edge", "app.kubernetes.io/name": "hapair"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "hapair.io/v1alpha1", Kind: "HAPair", Name: "edge", UID: "2",
				Controller: new(true), BlockOwnerDeletion: new(true),
			}},
			Annotations: map[string]string{"hapair.io/lease-giver": "x", "hapair.io/lease-cause": "Silence"},
			ManagedFields: append(
				appliedFields(`{"f:metadata":{"f:labels":{"f:hapair.io/pair":{},"f:app.kubernetes.io/name":{}},`+
					`"f:ownerReferences":{"k:{\"uid\":\"2\"}":{}}}}`),
				metav1.ManagedFieldsEntry{
					Manager: "sidecar", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "coordination.k8s.io/v1",
					FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:annotations":{".":{},` +
						`"f:hapair.io/lease-giver":{},"f:hapair.io/lease-cause":{}}},"f:spec":{"f:acquireTime":{},` +
						`"f:holderIdentity":{},"f:leaseDurationSeconds":{},"f:leaseTransitions":{},"f:renewTime":{}}}`),
				}),
		},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: new("primary/1/2"), LeaseTransitions: new(int32(7)), LeaseDurationSeconds: new(int32(15)),
			RenewTime: &renewed, AcquireTime: &renewed,
		},
	}
	for kind, transform := range transforms() {
		if _, ok := kind.(*coordinationv1.Lease); !ok {
			continue
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := transform(lease.DeepCopy()); err != nil {
				b.Fatal(err)
			}
		}
	}
}
