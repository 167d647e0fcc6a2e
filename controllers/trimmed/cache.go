package trimmed

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// Options returns the options of the cache. It selects objects by the label of a pair: most of a cluster's pods and
// Secrets do not concern the operator, and it should not hold them.
func Options() (cache.Options, error) {
	ofPair, err := labels.NewRequirement(v1alpha1.LabelPair, selection.Exists, nil)
	if err != nil {
		return cache.Options{}, fmt.Errorf("selecting the objects of pairs: %w", err)
	}
	selected := map[client.Object]cache.ByObject{}
	for kind, trim := range transforms() {
		selected[kind] = cache.ByObject{Label: labels.NewSelector().Add(*ofPair), Transform: trim}
	}
	return cache.Options{ByObject: selected, DefaultTransform: dropBookkeeping}, nil
}

// NewCache creates a cache with the given options, which come from Options. A manager calls it.
func NewCache(config *rest.Config, options cache.Options) (cache.Cache, error) {
	stores := &stores{}
	options.NewInformer = stores.newInformer
	inner, err := cache.New(config, options)
	if err != nil {
		return nil, err
	}
	scheme := options.Scheme
	trimmed := map[schema.GroupVersionKind]bool{}
	for _, kind := range Kinds() {
		gvk, err := apiutil.GVKForObject(kind, scheme)
		if err != nil {
			return nil, fmt.Errorf("finding the kind of %T: %w", kind, err)
		}
		trimmed[gvk] = true
	}
	return &trimmedCache{Cache: inner, scheme: scheme, trimmed: trimmed, stores: stores}, nil
}

// trimmedCache reads trimmed objects itself, and leaves all others to the cache that it wraps.
type trimmedCache struct {
	cache.Cache
	scheme  *runtime.Scheme
	trimmed map[schema.GroupVersionKind]bool
	stores  *stores
}

// Get reads an object.
func (c *trimmedCache) Get(
	ctx context.Context, key client.ObjectKey, into client.Object, options ...client.GetOption,
) error {
	gvk, err := apiutil.GVKForObject(into, c.scheme)
	if err != nil {
		return err
	}
	if !c.trimmed[gvk] {
		return c.Cache.Get(ctx, key, into, options...)
	}
	if !c.stores.synced(into) {
		// This starts the informer, and waits until it has all objects.
		if _, err := c.GetInformer(ctx, into); err != nil {
			return err
		}
	}
	item, exists, err := c.stores.get(into, key)
	if err != nil {
		return err
	}
	if !exists {
		return apierrors.NewNotFound(schema.GroupResource{Group: gvk.Group, Resource: gvk.Kind}, key.Name)
	}
	found, ok := item.(*object)
	if !ok {
		return fmt.Errorf("the cache holds %s %s as %T, which is not trimmed", gvk.Kind, key, item)
	}
	for _, option := range options {
		if requested, ok := option.(appliedOption); ok {
			*requested.into = found.applied
		}
	}
	return found.copyInto(into)
}

// List refuses lists of trimmed objects: the labels to select them by are not kept.
func (c *trimmedCache) List(ctx context.Context, into client.ObjectList, options ...client.ListOption) error {
	gvk, err := apiutil.GVKForObject(into, c.scheme)
	if err != nil {
		return err
	}
	gvk.Kind = strings.TrimSuffix(gvk.Kind, "List")
	if c.trimmed[gvk] {
		return fmt.Errorf("the cache keeps no labels of %s to list it by", gvk.Kind)
	}
	return c.Cache.List(ctx, into, options...)
}
