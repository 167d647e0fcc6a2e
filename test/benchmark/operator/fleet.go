package operator

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/util/retry"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

const (
	// handsOfFleet is how many pods are brought to life at the same time.
	handsOfFleet = 16
	// renewers is how many Leases are renewed at the same time.
	renewers = 8
)

// fleet is what stands around the operator: it schedules each unit's pod, has it run, and speaks for its sidecar. The
// primary of a new pair becomes active.
type fleet struct {
	t     testing.TB
	admin client.WithWatch
	queue workqueue.TypedRateLimitingInterface[client.ObjectKey]
	pods  cache.Store

	mu sync.Mutex
	// leases are those of the pairs as the fleet wrote them last.
	leases map[client.ObjectKey]*coordinationv1.Lease

	renewals  atomic.Int64
	addresses atomic.Uint32
	workers   sync.WaitGroup
}

// startFleet begins to look after units, until the trial ends.
func startFleet(b *bed) *fleet {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	f := &fleet{
		t: b.t, admin: b.admin, leases: map[client.ObjectKey]*coordinationv1.Lease{},
		queue: workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[client.ObjectKey]()),
	}
	informer := f.watchPods(b)
	f.workers.Go(func() { informer.RunWithContext(ctx) })
	for range handsOfFleet {
		f.workers.Go(func() {
			for f.next(ctx) {
			}
		})
	}
	due := make(chan client.ObjectKey)
	f.workers.Go(func() { f.findDue(ctx, b.o.Renewal, due) })
	for range renewers {
		f.workers.Go(func() { f.renew(ctx, due) })
	}
	b.t.Cleanup(func() {
		cancel()
		f.queue.ShutDown()
		f.workers.Wait()
	})
	return f
}

func (f *fleet) watchPods(b *bed) cache.Controller {
	enqueue := func(object any) {
		if pod, ok := object.(*corev1.Pod); ok {
			f.queue.Add(client.ObjectKeyFromObject(pod))
		}
	}
	all := cache.NewFilteredListWatchFromClient(b.server.Admin.CoreV1().RESTClient(), "pods", metav1.NamespaceAll,
		func(o *metav1.ListOptions) { o.LabelSelector = v1alpha1.LabelPair })
	store, informer := cache.NewInformerWithOptions(cache.InformerOptions{
		ListerWatcher: all, ObjectType: &corev1.Pod{},
		Handler: cache.ResourceEventHandlerFuncs{AddFunc: enqueue, UpdateFunc: func(_, after any) { enqueue(after) }},
		// Of a thousand pods, what is not asked about need not be kept.
		Transform: func(object any) (any, error) {
			if pod, ok := object.(*corev1.Pod); ok {
				pod.ManagedFields, pod.Spec.Containers, pod.Spec.Volumes = nil, nil, nil
			}
			return object, nil
		},
	})
	f.pods = store
	return informer
}

func (f *fleet) next(ctx context.Context) bool {
	key, shutdown := f.queue.Get()
	if shutdown {
		return false
	}
	defer f.queue.Done(key)
	if err := f.tend(ctx, key); err != nil && ctx.Err() == nil && !apierrors.IsNotFound(err) {
		f.queue.AddRateLimited(key)
		return true
	}
	f.queue.Forget(key)
	return true
}

// tend does the next thing that a pod waits for.
func (f *fleet) tend(ctx context.Context, key client.ObjectKey) error {
	object, exists, err := f.pods.GetByKey(key.String())
	if err != nil || !exists {
		return err
	}
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return fmt.Errorf("%T is no pod", object)
	}
	switch {
	case pod.DeletionTimestamp != nil:
		return f.admin.Delete(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}},
			client.GracePeriodSeconds(0))
	case pod.Spec.NodeName == "":
		node := corev1.ObjectReference{Kind: "Node", Name: "node-" + pod.Labels[v1alpha1.LabelUnit]}
		return f.admin.SubResource("binding").Create(ctx, pod.DeepCopy(), &corev1.Binding{Target: node})
	case pod.Status.Phase != corev1.PodRunning:
		return f.run(ctx, pod.DeepCopy())
	}
	unit := v1alpha1.Unit(pod.Labels[v1alpha1.LabelUnit])
	if pair := pairOf(pod); unit == v1alpha1.Primary && f.lease(pair) == nil {
		_, err := f.claim(ctx, pair, unit)
		return err
	}
	return nil
}

func pairOf(pod *corev1.Pod) client.ObjectKey {
	return client.ObjectKey{Namespace: pod.Namespace, Name: pod.Labels[v1alpha1.LabelPair]}
}

// run has the pod's containers run, and its sidecar say that all is well.
func (f *fleet) run(ctx context.Context, pod *corev1.Pod) error {
	role := v1alpha1.RoleStandby
	if pod.Labels[v1alpha1.LabelUnit] == string(v1alpha1.Primary) {
		role = v1alpha1.RoleActive
	}
	number := f.addresses.Add(1)
	address := netip.AddrFrom4([4]byte{10, byte(number >> 16), byte(number >> 8), byte(number)}).String()
	pod.Status.Phase, pod.Status.PodIP, pod.Status.PodIPs = corev1.PodRunning, address, []corev1.PodIP{{IP: address}}
	pod.Status.Conditions = []corev1.PodCondition{
		{Type: corev1.PodReady, Status: corev1.ConditionTrue},
		roleCondition(role),
		{Type: v1alpha1.PodConditionSynchronized, Status: corev1.ConditionTrue, Reason: v1alpha1.ReasonInSync},
		{
			Type: v1alpha1.PodConditionConfigurationApplied, Status: corev1.ConditionTrue, Reason: v1alpha1.ReasonApplied,
			Message: pod.Annotations[v1alpha1.AnnotationConfigurationHash],
		},
		{Type: v1alpha1.PodConditionFenced, Status: corev1.ConditionTrue, Reason: v1alpha1.ReasonBPF},
		{Type: v1alpha1.PodConditionHealthy, Status: corev1.ConditionTrue, Reason: v1alpha1.ReasonMonitorsGood},
	}
	return f.admin.Status().Update(ctx, pod)
}

func roleCondition(role v1alpha1.Role) corev1.PodCondition {
	status := corev1.ConditionFalse
	if role == v1alpha1.RoleActive {
		status = corev1.ConditionTrue
	}
	return corev1.PodCondition{Type: v1alpha1.PodConditionRole, Status: status, Reason: string(role)}
}

func (f *fleet) lease(pair client.ObjectKey) *coordinationv1.Lease {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.leases[pair]
}

// errNoPod is of a unit that has none yet.
var errNoPod = errors.New("the unit has no pod")

// claim makes a unit the holder of its pair's Lease in the next term, by compare-and-swap, and says when the API server
// had written it.
func (f *fleet) claim(ctx context.Context, pair client.ObjectKey, unit v1alpha1.Unit) (time.Time, error) {
	pod, exists, err := f.pods.GetByKey(pair.String() + "-" + string(unit))
	if err != nil || !exists {
		return time.Time{}, errors.Join(err, errNoPod)
	}
	lease := &coordinationv1.Lease{}
	if err := f.admin.Get(ctx, pair, lease); err != nil {
		return time.Time{}, err
	}
	holder := fmt.Sprintf("%s/%s/0123abcd", unit, pod.(*corev1.Pod).UID)
	term, seconds, now := int32(1), int32(15), metav1.NowMicro()
	if lease.Spec.LeaseTransitions != nil {
		term = *lease.Spec.LeaseTransitions + 1
	}
	lease.Spec = coordinationv1.LeaseSpec{
		HolderIdentity: &holder, LeaseTransitions: &term, LeaseDurationSeconds: &seconds, AcquireTime: &now, RenewTime: &now,
	}
	if err := f.admin.Update(ctx, lease); err != nil {
		return time.Time{}, err
	}
	written := time.Now()
	lease.ManagedFields = nil
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leases[pair] = lease
	return written, nil
}

// change moves the active role of a pair to the other unit, as in a failover, and says when the Lease had it. A renewal
// may come between, which a unit takes in its stride.
func (f *fleet) change(ctx context.Context, pair client.ObjectKey) (after v1alpha1.Unit, written time.Time, err error) {
	before, _, _ := strings.Cut(*f.lease(pair).Spec.HolderIdentity, "/")
	after = v1alpha1.Unit(before).Peer()
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		written, err = f.claim(ctx, pair, after)
		return err
	})
	return after, written, err
}

// tell has both sidecars say their new roles.
func (f *fleet) tell(ctx context.Context, pair client.ObjectKey, active v1alpha1.Unit) error {
	for unit, role := range map[v1alpha1.Unit]v1alpha1.Role{
		active: v1alpha1.RoleActive, active.Peer(): v1alpha1.RoleStandby,
	} {
		c := roleCondition(role)
		patch := fmt.Sprintf(`{"status":{"conditions":[{"type":%q,"status":%q,"reason":%q}]}}`, c.Type, c.Status, c.Reason)
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pair.Namespace, Name: pair.Name + "-" + string(unit)}}
		said := client.RawPatch(types.StrategicMergePatchType, []byte(patch))
		if err := f.admin.Status().Patch(ctx, pod, said); err != nil {
			return err
		}
	}
	return nil
}

// findDue finds the Leases that are to be renewed, each once in an interval, evenly.
func (f *fleet) findDue(ctx context.Context, interval time.Duration, due chan<- client.ObjectKey) {
	defer close(due)
	const rounds = 50 // parts of the interval
	ticker := time.NewTicker(interval / rounds)
	defer ticker.Stop()
	for part := 0; ; part++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, key := range f.ofPart(part%rounds, rounds) {
			select {
			case <-ctx.Done():
				return
			case due <- key:
			}
		}
	}
}

// ofPart are the pairs whose Leases are renewed in one part of the interval.
func (f *fleet) ofPart(part, rounds int) (keys []client.ObjectKey) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key := range f.leases {
		if hash(key)%rounds == part {
			keys = append(keys, key)
		}
	}
	return keys
}

// renew renews Leases.
func (f *fleet) renew(ctx context.Context, due <-chan client.ObjectKey) {
	for key := range due {
		patch := fmt.Sprintf(`{"spec":{"renewTime":%q}}`, time.Now().UTC().Format(metav1.RFC3339Micro))
		lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
		if f.admin.Patch(ctx, lease, client.RawPatch(types.MergePatchType, []byte(patch))) == nil {
			f.renewals.Add(1)
		}
	}
}

// hash spreads pairs over an interval.
func hash(key client.ObjectKey) int {
	sum := 0
	for _, c := range key.Name {
		sum = (sum*31 + int(c)) & 0xffffff
	}
	return sum
}
