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

// errMoreThanMetadata reports that the operator applied more than metadata.
var errMoreThanMetadata = errors.New("more than metadata was applied")

// appliedToLease returns what coordinationv1ac.ExtractLease returns. If only metadata was applied, it takes a shortcut.
// It runs at each renewal, and ExtractLease takes twenty times as long as everything else that a renewal costs.
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

// of returns the entries of a map that have these names.
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

// has reports whether the item with this UID is among them, in a list whose key is the UID.
func (f fieldNames) has(uid types.UID) bool {
	_, ok := f[fmt.Sprintf(`k:{"uid":%q}`, uid)]
	return ok
}

// appliedFieldSet has the names of the metadata fields that the operator applied.
type appliedFieldSet struct {
	Metadata struct {
		Labels      fieldNames `json:"f:labels"`
		Annotations fieldNames `json:"f:annotations"`
		Owners      fieldNames `json:"f:ownerReferences"`
	} `json:"f:metadata"`
}

// metadataFields returns the fields that the operator applied. It returns errMoreThanMetadata if there are others.
func metadataFields(entries []metav1.ManagedFieldsEntry) (fields appliedFieldSet, _ error) {
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
