package sidecar

import (
	"context"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// PeerWatcher watches the peer's pod at the API server for its address.
type PeerWatcher struct {
	client         kubernetes.Interface
	namespace, pod string
}

// NewPeerWatcher returns a watcher of the pod of that name.
func NewPeerWatcher(client kubernetes.Interface, namespace, pod string) *PeerWatcher {
	return &PeerWatcher{client: client, namespace: namespace, pod: pod}
}

// Watch calls changed with the address of the peer's pod whenever it changes, until the context ends. The address is
// zero while the pod has none.
func (w *PeerWatcher) Watch(ctx context.Context, changed func(netip.Addr)) {
	var last netip.Addr
	see := func(address netip.Addr) {
		if address != last {
			last = address
			changed(address)
		}
	}
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: cache.NewListWatchFromClient(w.client.CoreV1().RESTClient(), "pods", w.namespace,
			fields.OneTermEqualSelector(metav1.ObjectNameField, w.pod)),
		ObjectType: &corev1.Pod{},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(obj any) { see(addressOf(obj)) },
			UpdateFunc: func(_, obj any) { see(addressOf(obj)) },
			DeleteFunc: func(any) { see(netip.Addr{}) },
		},
	})
	informer.RunWithContext(ctx)
}

// addressOf returns the pod's address, or the zero address while it has none.
func addressOf(obj any) netip.Addr {
	pod, isPod := obj.(*corev1.Pod)
	if !isPod {
		return netip.Addr{}
	}
	address, err := netip.ParseAddr(pod.Status.PodIP)
	if err != nil {
		return netip.Addr{}
	}
	return address
}
