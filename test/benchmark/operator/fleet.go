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
	"github.com/hapair-io/hapair/test/operator/units"
)

const (
	// podWorkers is how many pods are started at the same time.
	podWorkers = 16
	// renewers is how many Leases are renewed at the same time.
	renewers = 8
)

// fleet plays the scheduler, the kubelets and the sidecars of all pairs. It binds each unit's pod, starts it, and
// reports its final state at once. The primary unit of a new pair becomes active.
type fleet struct {
	t     testing.TB
	admin client.WithWatch
	queue workqueue.TypedRateLimitingInterface[client.ObjectKey]
	pods  cache.Store

	mu sync.Mutex
	// leases has the Lease of each pair as the fleet wrote it last.
	leases map[client.ObjectKey]*coordinationv1.Lease

	renewals  atomic.Int64
	addresses atomic.Uint32
	workers   sync.WaitGroup
}

// startFleet starts the fleet. It runs until the trial ends.
func startFleet(b *bed) *fleet {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	f := &fleet{
		t: b.t, admin: b.admin, leases: map[client.ObjectKey]*coordinationv1.Lease{},
		queue: workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[client.ObjectKey]()),
	}
	informer := f.watchPods(b)
	f.workers.Go(func() { informer.RunWithContext(ctx) })
	for range podWorkers {
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
		// There are thousands of pods, so the store drops what the fleet does not read.
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
	if err := f.advance(ctx, key); err != nil && ctx.Err() == nil && !apierrors.IsNotFound(err) {
		f.queue.AddRateLimited(key)
		return true
	}
	f.queue.Forget(key)
	return true
}

// advance moves a pod to the next step of its life cycle.
func (f *fleet) advance(ctx context.Context, key client.ObjectKey) error {
	object, exists, err := f.pods.GetByKey(key.String())
	if err != nil || !exists {
		return err
	}
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return fmt.Errorf("%T is not a pod", object)
	}
	switch {
	case pod.DeletionTimestamp != nil:
		return f.admin.Delete(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}},
			client.GracePeriodSeconds(0))
	case pod.Spec.NodeName == "":
		return units.Bind(pod, "node-"+pod.Labels[v1alpha1.LabelUnit])(ctx, f.admin)
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

// run writes the report of a unit in its final state, and then the status of its pod, which runs.
func (f *fleet) run(ctx context.Context, pod *corev1.Pod) error {
	unit, role := v1alpha1.Unit(pod.Labels[v1alpha1.LabelUnit]), v1alpha1.RoleStandby
	if unit == v1alpha1.Primary {
		role = v1alpha1.RoleActive
	}
	reports := append(units.Settled(role, pod.Annotations[v1alpha1.AnnotationConfigurationHash]),
		units.Monitors(v1alpha1.FenceBPF, v1alpha1.UnitHealth{Name: "Firewall", Healthy: true}))
	object := &v1alpha1.HAUnit{}
	if err := f.admin.Get(ctx, client.ObjectKeyFromObject(pod), object); err != nil {
		return err
	}
	units.Write(&object.Status, unit, pod.UID, reports...)
	if err := f.admin.Status().Update(ctx, object); err != nil {
		return err
	}
	number := f.addresses.Add(1)
	address := netip.AddrFrom4([4]byte{10, byte(number >> 16), byte(number >> 8), byte(number)}).String()
	units.SetRunning(&pod.Status, address)
	units.SetConditions(&pod.Status, units.Ready(true))
	return f.admin.Status().Update(ctx, pod)
}

func (f *fleet) lease(pair client.ObjectKey) *coordinationv1.Lease {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.leases[pair]
}

// errNoPod reports that the unit has no pod yet.
var errNoPod = errors.New("the unit has no pod")

// claim makes a unit the holder of its pair's Lease in the next term, by compare-and-swap. It returns when the API
// server had written the Lease.
func (f *fleet) claim(ctx context.Context, pair client.ObjectKey, unit v1alpha1.Unit) (time.Time, error) {
	pod, exists, err := f.pods.GetByKey(pair.String() + "-" + string(unit))
	if err != nil || !exists {
		return time.Time{}, errors.Join(err, errNoPod)
	}
	lease := &coordinationv1.Lease{}
	if err := f.admin.Get(ctx, pair, lease); err != nil {
		return time.Time{}, err
	}
	units.Claim(&lease.Spec, unit, pod.(*corev1.Pod).UID)
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

// failOver makes the other unit of a pair active. It returns that unit, and when the API server had written the Lease.
// It retries if a renewal came first, as a unit does.
func (f *fleet) failOver(
	ctx context.Context, pair client.ObjectKey,
) (after v1alpha1.Unit, written time.Time, err error) {
	before, _, _ := strings.Cut(*f.lease(pair).Spec.HolderIdentity, "/")
	after = v1alpha1.Unit(before).Peer()
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		written, err = f.claim(ctx, pair, after)
		return err
	})
	return after, written, err
}

// reportRoles writes the new roles of both units.
func (f *fleet) reportRoles(ctx context.Context, pair client.ObjectKey, active v1alpha1.Unit) error {
	for unit, role := range map[v1alpha1.Unit]v1alpha1.Role{
		active: v1alpha1.RoleActive, active.Peer(): v1alpha1.RoleStandby,
	} {
		patch := fmt.Sprintf(`{"status":{"role":%q}}`, role)
		object := &v1alpha1.HAUnit{
			ObjectMeta: metav1.ObjectMeta{Namespace: pair.Namespace, Name: pair.Name + "-" + string(unit)},
		}
		if err := f.admin.Status().Patch(ctx, object, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
			return err
		}
	}
	return nil
}

// findDue sends the Leases that are due for renewal. Each is due once in an interval; they are spread evenly over it.
func (f *fleet) findDue(ctx context.Context, interval time.Duration, due chan<- client.ObjectKey) {
	defer close(due)
	const rounds = 50 // the parts of the interval
	ticker := time.NewTicker(interval / rounds)
	defer ticker.Stop()
	for part := 0; ; part++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		for _, key := range f.dueIn(part%rounds, rounds) {
			select {
			case <-ctx.Done():
				return
			case due <- key:
			}
		}
	}
}

// dueIn returns the pairs whose Leases are renewed in one part of the interval.
func (f *fleet) dueIn(part, rounds int) (keys []client.ObjectKey) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key := range f.leases {
		if hash(key)%rounds == part {
			keys = append(keys, key)
		}
	}
	return keys
}

// renew renews the Leases that it receives.
func (f *fleet) renew(ctx context.Context, due <-chan client.ObjectKey) {
	for key := range due {
		patch := fmt.Sprintf(`{"spec":{"renewTime":%q}}`, time.Now().UTC().Format(metav1.RFC3339Micro))
		lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}}
		if f.admin.Patch(ctx, lease, client.RawPatch(types.MergePatchType, []byte(patch))) == nil {
			f.renewals.Add(1)
		}
	}
}

// hash returns a number that spreads pairs over the interval.
func hash(key client.ObjectKey) int {
	sum := 0
	for _, c := range key.Name {
		sum = (sum*31 + int(c)) & 0xffffff
	}
	return sum
}
