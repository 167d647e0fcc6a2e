package trimmed

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/controllers/apply"
)

// digested marks, where the API server tells who manages which fields, that a digest of these fields stands there
// instead of their names.
const digested = "digest"

// subresourceStatus is what is applied apart from the rest of an object.
const subresourceStatus = "status"

// digester makes the digest of what the operator applied to an object.
type digester[Object client.Object] func(Object) metav1.ManagedFieldsEntry

// applied digests what the API server remembers as applied by the operator, with the values that it has now: a field
// that another took over, or changed, or that is not applied any more, makes another digest.
func applied[Object client.Object, W any](extract func(Object, string) (W, error)) digester[Object] {
	return func(object Object) metav1.ManagedFieldsEntry {
		entry := metav1.ManagedFieldsEntry{FieldsType: digested}
		// What cannot be read is like nothing that is wanted, and is applied again.
		if was, err := extract(object, string(apply.FieldOwner)); err == nil {
			if digest, err := digestOf(was); err == nil {
				entry.FieldsV1 = metav1.NewFieldsV1(digest)
			}
		}
		return entry
	}
}

// publishedService digests the status of a Service.
func publishedService() digester[*corev1.Service] {
	digest := applied(corev1ac.ExtractServiceStatus)
	return func(service *corev1.Service) metav1.ManagedFieldsEntry {
		entry := digest(service)
		entry.Subresource = subresourceStatus
		return entry
	}
}

// own are the entries of what the operator applied. To read those of others takes longer than all the rest.
func own(entries []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	return slices.DeleteFunc(entries, func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager != string(apply.FieldOwner)
	})
}

// Matches reports whether an object of the cache has what the operator wants to apply to it.
func Matches(object client.Object, wanted any) (bool, error) { return matches(object, "", wanted) }

// MatchesStatus reports whether an object of the cache has the status that the operator wants to apply to it.
func MatchesStatus(object client.Object, wanted any) (bool, error) {
	return matches(object, subresourceStatus, wanted)
}

func matches(kept client.Object, subresource string, wanted any) (bool, error) {
	digest, err := digestOf(wanted)
	if err != nil {
		return false, err
	}
	for _, entry := range kept.GetManagedFields() {
		if entry.FieldsType == digested && entry.Subresource == subresource {
			return entry.FieldsV1 != nil && bytes.Equal(entry.FieldsV1.GetRawBytes(), []byte(digest)), nil
		}
	}
	return false, nil
}

func isKept(object client.Object) bool {
	fields := object.GetManagedFields()
	return len(fields) > 0 && fields[0].FieldsType == digested
}

// digestOf is of what a configuration says, not of how it came about.
func digestOf(configuration any) (string, error) {
	encoded, err := json.Marshal(configuration)
	if err != nil {
		return "", fmt.Errorf("digesting a configuration: %w", err)
	}
	sum := sha256.Sum256(encoded)
	return string(sum[:]), nil
}
