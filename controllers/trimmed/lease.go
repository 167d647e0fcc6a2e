package trimmed

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	coordinationv1ac "k8s.io/client-go/applyconfigurations/coordination/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/hapair-io/hapair/controllers/apply"
)

// errMoreThanMetadata is of an object of which more than metadata was applied.
var errMoreThanMetadata = errors.New("more than metadata was applied")

// appliedToLease is coordinationv1ac.ExtractLease for a Lease to which metadata alone was applied. Each renewal brings
// the Lease anew, and the general way takes twenty times as long as all else that becomes of it.
func appliedToLease(lease *coordinationv1.Lease, owner string) (*coordinationv1ac.LeaseApplyConfiguration, error) {
	fields, err := metadataFields(lease.ManagedFields)
	if errors.Is(err, errMoreThanMetadata) {
		return coordinationv1ac.ExtractLease(lease, owner)
	}
	if err != nil {
		return nil, err
	}
	extracted := coordinationv1ac.Lease(lease.Name, lease.Namespace)
	if labels := fields.Metadata.Labels.of(lease.Labels); len(labels) > 0 {
		extracted.WithLabels(labels)
	}
	if annotations := fields.Metadata.Annotations.of(lease.Annotations); len(annotations) > 0 {
		extracted.WithAnnotations(annotations)
	}
	for i := range lease.OwnerReferences {
		if o := &lease.OwnerReferences[i]; fields.Metadata.Owners.has(o.UID) {
			extracted.WithOwnerReferences(&metav1ac.OwnerReferenceApplyConfiguration{
				APIVersion: &o.APIVersion, Kind: &o.Kind, Name: &o.Name, UID: &o.UID,
				Controller: o.Controller, BlockOwnerDeletion: o.BlockOwnerDeletion,
			})
		}
	}
	return extracted, nil
}

// fieldNames are the names of fields in the form in which the API server keeps them (FieldsV1 of meta/v1).
type fieldNames map[string]struct{}

// of are the entries of a map of these names.
func (f fieldNames) of(all map[string]string) map[string]string {
	some := make(map[string]string, len(f))
	for field := range f {
		name, ok := strings.CutPrefix(field, "f:")
		if value, there := all[name]; ok && there {
			some[name] = value
		}
	}
	return some
}

// has tells whether an item of a list that goes by UIDs is among them.
func (f fieldNames) has(uid types.UID) bool {
	_, ok := f[fmt.Sprintf(`k:{"uid":%q}`, uid)]
	return ok
}

type ownFields struct {
	Metadata struct {
		Labels      fieldNames `json:"f:labels"`
		Annotations fieldNames `json:"f:annotations"`
		Owners      fieldNames `json:"f:ownerReferences"`
	} `json:"f:metadata"`
}

// metadataFields are the fields that the operator applied.
func metadataFields(entries []metav1.ManagedFieldsEntry) (fields ownFields, _ error) {
	for _, entry := range entries {
		if entry.Manager != string(apply.FieldOwner) || entry.Operation != metav1.ManagedFieldsOperationApply {
			continue
		}
		if entry.Subresource != "" || entry.FieldsV1 == nil {
			return fields, errMoreThanMetadata
		}
		decoder := json.NewDecoder(bytes.NewReader(entry.FieldsV1.GetRawBytes()))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&fields); err != nil {
			return fields, errMoreThanMetadata
		}
	}
	return fields, nil
}
