package trimmed

import (
	"fmt"
	"reflect"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// stores are the informers of a cache, by the type of their objects. There is one for each type, or one for each type
// and namespace if the operator watches some namespaces only. The cache of controller-runtime does not give access to
// the latter.
type stores struct {
	mutex  sync.RWMutex
	byType map[reflect.Type][]toolscache.SharedIndexInformer
}

// newInformer creates an informer as controller-runtime does, and keeps it.
func (s *stores) newInformer(
	from toolscache.ListerWatcher, of runtime.Object, resync time.Duration, indexers toolscache.Indexers,
) toolscache.SharedIndexInformer {
	informer := toolscache.NewSharedIndexInformer(from, of, resync, indexers)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.byType == nil {
		s.byType = map[reflect.Type][]toolscache.SharedIndexInformer{}
	}
	s.byType[reflect.TypeOf(of)] = append(s.byType[reflect.TypeOf(of)], informer)
	return informer
}

// synced reports whether the informers of a type exist and have all objects.
func (s *stores) synced(of client.Object) bool {
	informers := s.of(of)
	for _, informer := range informers {
		if !informer.HasSynced() {
			return false
		}
	}
	return len(informers) > 0
}

// get returns what the cache holds of an object. At most one of the informers has it, since each has its own namespace.
func (s *stores) get(of client.Object, key client.ObjectKey) (item any, exists bool, _ error) {
	name := toolscache.NewObjectName(key.Namespace, key.Name).String()
	for _, informer := range s.of(of) {
		item, exists, err := informer.GetIndexer().GetByKey(name)
		if err != nil {
			return nil, false, fmt.Errorf("reading %T %s from the cache: %w", of, name, err)
		}
		if exists {
			return item, true, nil
		}
	}
	return nil, false, nil
}

func (s *stores) of(object client.Object) []toolscache.SharedIndexInformer {
	s.mutex.RLock()
	defer s.mutex.RUnlock()
	return s.byType[reflect.TypeOf(object)]
}
