package operator

import (
	"context"
	"fmt"
	"sync"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// sightings record when the EndpointSlice of each pair was first seen with the pod that it names now.
type sightings struct {
	mu   sync.Mutex
	seen map[client.ObjectKey]sighting
}

type sighting struct {
	pod string
	at  time.Time
}

// watchSlices watches the EndpointSlices of all pairs until the trial ends.
func watchSlices(b *bed) *sightings {
	s := &sightings{seen: map[client.ObjectKey]sighting{}}
	all := cache.NewFilteredListWatchFromClient(b.server.Admin.DiscoveryV1().RESTClient(), "endpointslices",
		metav1.NamespaceAll, func(o *metav1.ListOptions) { o.LabelSelector = v1alpha1.LabelPair })
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: all, ObjectType: &discoveryv1.EndpointSlice{},
		Handler: cache.ResourceEventHandlerFuncs{AddFunc: s.note, UpdateFunc: func(_, after any) { s.note(after) }},
	})
	ctx, cancel := context.WithCancel(b.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		informer.RunWithContext(ctx)
	}()
	b.t.Cleanup(func() {
		cancel()
		<-ended
	})
	return s
}

func (s *sightings) note(object any) {
	now := time.Now()
	slice, ok := object.(*discoveryv1.EndpointSlice)
	if !ok {
		return
	}
	pod := ""
	if len(slice.Endpoints) == 1 && slice.Endpoints[0].TargetRef != nil {
		pod = slice.Endpoints[0].TargetRef.Name
	}
	key := client.ObjectKey{Namespace: slice.Namespace, Name: slice.Labels[v1alpha1.LabelPair]}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen[key].pod != pod {
		s.seen[key] = sighting{pod: pod, at: now}
	}
}

// of returns when a pair's slice was first seen with the unit's pod.
func (s *sightings) of(pair client.ObjectKey, unit v1alpha1.Unit) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seen := s.seen[pair]; seen.pod != pair.Name+"-"+string(unit) {
		return time.Time{}, fmt.Errorf("EndpointSlice %s names %q", pair, seen.pod)
	}
	return s.seen[pair].at, nil
}
