package sidecar

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// PodClient is the pods of the pair at the API server.
type PodClient struct {
	client          kubernetes.Interface
	namespace       string
	own, peer       string
	now             func() time.Time
	published       map[corev1.PodConditionType]Condition
	transitionTimes map[corev1.PodConditionType]metav1.Time
}

// NewPodClient follows the pod named peer, and writes the conditions of the pod named own.
func NewPodClient(client kubernetes.Interface, namespace, own, peer string) *PodClient {
	return &PodClient{
		client: client, namespace: namespace, own: own, peer: peer, now: time.Now,
		published:       map[corev1.PodConditionType]Condition{},
		transitionTimes: map[corev1.PodConditionType]metav1.Time{},
	}
}

// FollowPeer tells the address of the peer's pod whenever it changes, until the context ends.
func (p *PodClient) FollowPeer(ctx context.Context, changed func(netip.Addr)) {
	var last netip.Addr
	see := func(address netip.Addr) {
		if address != last {
			last = address
			changed(address)
		}
	}
	_, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: cache.NewListWatchFromClient(p.client.CoreV1().RESTClient(), "pods", p.namespace,
			fields.OneTermEqualSelector(metav1.ObjectNameField, p.peer)),
		ObjectType: &corev1.Pod{},
		Handler: cache.ResourceEventHandlerFuncs{
			AddFunc:    func(obj any) { see(addressOf(obj)) },
			UpdateFunc: func(_, obj any) { see(addressOf(obj)) },
			DeleteFunc: func(any) { see(netip.Addr{}) },
		},
	})
	informer.RunWithContext(ctx)
}

// addressOf is the pod's address; the zero address while it has none.
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

// Publish patches those conditions that are not as they were published last. It is called by one goroutine at a time.
func (p *PodClient) Publish(ctx context.Context, c Conditions) error {
	wanted := map[corev1.PodConditionType]Condition{
		v1alpha1.PodConditionRole:                 c.Role,
		v1alpha1.PodConditionSynchronized:         c.Synchronized,
		v1alpha1.PodConditionConfigurationApplied: c.ConfigurationApplied,
		v1alpha1.PodConditionFenced:               c.Fenced,
		v1alpha1.PodConditionHealthy:              c.Healthy,
		v1alpha1.PodConditionAddressConflict:      c.AddressConflict,
	}
	var changed []condition
	for kind, c := range wanted {
		last, known := p.published[kind]
		if known && last == c {
			continue
		}
		if !known || last.True != c.True {
			p.transitionTimes[kind] = metav1.NewTime(p.now())
		}
		changed = append(changed, condition{
			Type: kind, Status: statusOf(c), Reason: c.Reason, Message: c.Message,
			LastTransitionTime: p.transitionTimes[kind],
		})
	}
	if len(changed) == 0 {
		return nil
	}
	if err := p.patch(ctx, changed); err != nil {
		return err
	}
	p.published = wanted
	return nil
}

// condition is a corev1.PodCondition that says so when its message is empty: in a patch, what is left out stays.
type condition struct {
	Type               corev1.PodConditionType `json:"type"`
	Status             corev1.ConditionStatus  `json:"status"`
	Reason             string                  `json:"reason"`
	Message            string                  `json:"message"`
	LastTransitionTime metav1.Time             `json:"lastTransitionTime"`
}

func (p *PodClient) patch(ctx context.Context, conditions []condition) error {
	// Only the conditions are in the patch: everything else of the status is the kubelet's.
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": conditions}})
	if err != nil {
		return err
	}
	_, err = p.client.CoreV1().Pods(p.namespace).
		Patch(ctx, p.own, types.StrategicMergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil {
		return fmt.Errorf("patching conditions of pod %s/%s: %w", p.namespace, p.own, err)
	}
	return nil
}

func statusOf(c Condition) corev1.ConditionStatus {
	if c.True {
		return corev1.ConditionTrue
	}
	return corev1.ConditionFalse
}
