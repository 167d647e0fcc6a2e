package trimmed

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/controllers/apply"
)

// Applied has digests of what the operator applied to an object. The empty one matches nothing.
type Applied struct {
	object, status digest
}

// Matches reports whether an object has everything that the operator wants to apply to it.
func (a Applied) Matches(wanted any) (bool, error) { return a.object.matches(wanted) }

// StatusMatches reports whether an object has the status that the operator wants to apply to it.
func (a Applied) StatusMatches(wanted any) (bool, error) { return a.status.matches(wanted) }

// Read reads a trimmed object, and returns digests of what the operator applied to it. The digests are empty if the
// object does not come from a cache of this package.
func Read(ctx context.Context, reader client.Reader, key client.ObjectKey, into client.Object) (Applied, error) {
	applied := Applied{}
	err := reader.Get(ctx, key, into, appliedOption{&applied})
	return applied, err
}

// appliedOption requests the digests from the cache. Clients pass the options of a read on as they are.
type appliedOption struct{ into *Applied }

// ApplyToGet changes none of the usual options.
func (appliedOption) ApplyToGet(*client.GetOptions) {}

// digest is a hash of an apply configuration in JSON.
type digest [sha256.Size]byte

func (d digest) matches(wanted any) (bool, error) {
	other, err := digestOf(wanted)
	return err == nil && d == other, err
}

func digestOf(configuration any) (digest, error) {
	encoded, err := json.Marshal(configuration)
	if err != nil {
		return digest{}, fmt.Errorf("encoding an apply configuration: %w", err)
	}
	return sha256.Sum256(encoded), nil
}

// extractor returns what the API server records as applied by an owner, with the values that the object has now. So the
// digest changes when another client takes a field over or changes it, and when a field is not applied any more.
type extractor[O client.Object, C any] func(object O, owner string) (C, error)

// digestApplied returns the digest of what the operator applied to an object. What cannot be extracted gives the empty
// digest, so that the operator applies it again.
func digestApplied[O client.Object, C any](object O, extract extractor[O, C]) digest {
	was, err := extract(object, string(apply.FieldOwner))
	if err != nil {
		return digest{}
	}
	found, err := digestOf(was)
	if err != nil {
		return digest{}
	}
	return found
}

// dropForeignEntries drops the managed fields of other owners. Decoding them takes longer than everything else here.
func dropForeignEntries(object client.Object) {
	object.SetManagedFields(slices.DeleteFunc(object.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager != string(apply.FieldOwner)
	}))
}
