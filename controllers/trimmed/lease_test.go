package trimmed

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coordinationv1ac "k8s.io/client-go/applyconfigurations/coordination/v1"
	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/controllers/apply"
)

// The short cut finds the same as ExtractLease, whatever was applied and however the Lease changed since.
func TestAppliedToLease(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "edge", Namespace: "sites", UID: "1"}}
		lease.Spec.HolderIdentity = new("primary/1/2")
		labels := fieldsOf(t, "labels", &lease.Labels)
		annotations := fieldsOf(t, "annotations", &lease.Annotations)
		var owners []string
		for _, uid := range rapid.SliceOfNDistinct(rapid.SampledFrom([]types.UID{"7", "8"}), 0, 2, rapid.ID).
			Draw(t, "owners") {
			lease.OwnerReferences = append(lease.OwnerReferences, metav1.OwnerReference{
				APIVersion: "hapair.io/v1alpha1", Kind: "HAPair", Name: "edge", UID: uid, Controller: new(uid == "7"),
			})
			if rapid.Bool().Draw(t, "owner is applied") {
				owners = append(owners, fmt.Sprintf(`%q:{}`, fmt.Sprintf(`k:{"uid":%q}`, uid)))
			}
		}
		fields := fmt.Sprintf(`"f:metadata":{"f:labels":{%s},"f:annotations":{%s},"f:ownerReferences":{%s}}`,
			labels, annotations, strings.Join(owners, ","))
		if rapid.Bool().Draw(t, "the spec is applied") {
			fields += `,"f:spec":{"f:holderIdentity":{}}`
		}
		lease.ManagedFields = append(appliedFields("{"+fields+"}"), metav1.ManagedFieldsEntry{
			Manager: "another", Operation: metav1.ManagedFieldsOperationUpdate, APIVersion: "coordination.k8s.io/v1",
			FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:a":{}}}}`),
		})
		want, err := coordinationv1ac.ExtractLease(lease.DeepCopy(), string(apply.FieldOwner))
		if err != nil {
			t.Fatal(err)
		}
		got, err := appliedToLease(lease, string(apply.FieldOwner))
		if err != nil {
			t.Fatal(err)
		}
		if a, b := encoded(t, got), encoded(t, want); a != b {
			t.Errorf("of %s\ngot  %s\nwant %s", fields, a, b)
		}
	})
}

// fieldsOf fills a map of metadata, and returns the names of the applied entries. Some of those are not in the map.
func fieldsOf(t *rapid.T, what string, to *map[string]string) string {
	names := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b.example/c", `d"e`}), 0, 3, rapid.ID[string])
	var applied []string
	for _, name := range names.Draw(t, what) {
		if rapid.Bool().Draw(t, name+" exists") {
			if *to == nil {
				*to = map[string]string{}
			}
			(*to)[name] = rapid.SampledFrom([]string{"", "x"}).Draw(t, name)
		}
		if rapid.Bool().Draw(t, name+" is applied") {
			applied = append(applied, fmt.Sprintf(`%q:{}`, "f:"+name))
		}
	}
	if rapid.Bool().Draw(t, what+" themselves are applied") {
		applied = append(applied, `".":{}`)
	}
	return strings.Join(applied, ",")
}

func encoded(t *rapid.T, what any) string {
	text, err := json.Marshal(what)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
