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

// sights are when the EndpointSlices of the pairs were first seen to name the pod that they name now.
type sights struct {
	mu   sync.Mutex
	seen map[client.ObjectKey]sight
}

type sight struct {
	pod string
	at  time.Time
}

// watchSlices begins to look, until the trial ends.
func watchSlices(b *bed) *sights {
	s := &sights{seen: map[client.ObjectKey]sight{}}
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

func (s *sights) note(object any) {
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
		s.seen[key] = sight{pod: pod, at: now}
	}
}

// of is when a pair's slice was seen to name the unit's pod.
func (s *sights) of(pair client.ObjectKey, unit v1alpha1.Unit) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seen := s.seen[pair]; seen.pod != pair.Name+"-"+string(unit) {
		return time.Time{}, fmt.Errorf("EndpointSlice %s names %q", pair, seen.pod)
	}
	return s.seen[pair].at, nil
}
