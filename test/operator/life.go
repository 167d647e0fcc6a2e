//go:build apiserver

package operator

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/hapair"
	"github.com/hapair-io/hapair/controllers/trimmed"
	"github.com/hapair-io/hapair/test/poll"
)

// life is one run of a manager with its own cache, until the manager is killed or stopped. A test calls its reconciler.
type life struct {
	reconciler *hapair.Reconciler
	death      *failpoint
	events     *notebook
	seen       cache.Cache
	end        func()
}

// beginLife starts a life with an empty cache. Its requests pass the failpoint, and the judge if there is one.
func beginLife(ctx context.Context, namespace string, death failpoint, judge *judge) *life {
	GinkgoHelper()
	kinds, err := trimmed.Options()
	Expect(err).NotTo(HaveOccurred())
	kinds.Scheme, kinds.Mapper = admin.Scheme(), admin.RESTMapper()
	kinds.DefaultFieldSelector = fields.OneTermEqualSelector("metadata.namespace", namespace)
	seen, err := trimmed.NewCache(managerConfig, kinds)
	Expect(err).NotTo(HaveOccurred())
	alive, end := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer GinkgoRecover()
		Expect(seen.Start(alive)).To(Succeed())
	}()
	for _, kind := range append(slices.Collect(maps.Keys(kinds.ByObject)),
		&v1alpha1.HAPair{}, &v1alpha1.SyncPolicy{}, &v1alpha1.FirewallConfiguration{}) {
		_, err := seen.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
		Expect(err).NotTo(HaveOccurred())
	}
	Expect(seen.WaitForCacheSync(ctx)).To(BeTrue())

	options := client.Options{Scheme: admin.Scheme(), Mapper: admin.RESTMapper()}
	live, err := client.NewWithWatch(managerConfig, options)
	Expect(err).NotTo(HaveOccurred())
	options.Cache = &client.CacheOptions{Reader: seen, EnableReadYourWritesConsistency: new(true)}
	cached, err := client.NewWithWatch(managerConfig, options)
	Expect(err).NotTo(HaveOccurred())

	l := &life{death: &death, events: &notebook{}, seen: seen, end: func() {
		end()
		<-ended
	}}
	l.reconciler = &hapair.Reconciler{
		Client: l.death.before(cached, judge), Live: l.death.before(live, judge),
		Events: l.events, Images: images, Now: time.Now,
	}
	return l
}

// catchUp waits until the cache has everything that players and users wrote, so that a run is the same each time.
func (l *life) catchUp(ctx context.Context, namespace, pair string) {
	GinkgoHelper()
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	Expect(poll.Until(limited, time.Millisecond, "the cache to catch up", func(ctx context.Context) error {
		is, err := versionOf(ctx, admin, namespace, pair)
		if err != nil {
			return err
		}
		sees, err := versionOf(ctx, l.seen, namespace, pair)
		if err == nil && is != sees {
			return errors.New("it is behind")
		}
		return err
	})).To(Succeed())
}

// versionOf returns the versions of the objects of a pair that others write besides the operator.
func versionOf(ctx context.Context, reader client.Reader, namespace, pair string) (string, error) {
	text := ""
	for _, object := range []client.Object{
		&v1alpha1.HAPair{ObjectMeta: metav1.ObjectMeta{Name: pair}},
		&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: pair}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: pair + "-primary"}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: pair + "-secondary"}},
		&v1alpha1.HAUnit{ObjectMeta: metav1.ObjectMeta{Name: pair + "-primary"}},
		&v1alpha1.HAUnit{ObjectMeta: metav1.ObjectMeta{Name: pair + "-secondary"}},
	} {
		key := client.ObjectKey{Namespace: namespace, Name: object.GetName()}
		switch err := reader.Get(ctx, key, object); {
		case err == nil:
			text += string(object.GetUID()) + " " + object.GetResourceVersion()
		case !apierrors.IsNotFound(err):
			return "", err
		}
		text += "\n"
	}
	return text, nil
}

// errKilled is the error of every call of a dead manager.
var errKilled = errors.New("the manager is dead")

// failpoint kills a manager at one of its writes: before the write reaches the API server, or after the write was done
// and before the response arrives. Every later call fails, so nobody else can see a difference to a killed process.
type failpoint struct {
	// at is the number of the write, counted from 1; 0 kills at no write.
	at int
	// done is set if that write still happens.
	done bool

	writes int
	dead   bool
}

func (f *failpoint) read(call func() error) error {
	if f.dead {
		return errKilled
	}
	return call()
}

func (f *failpoint) write(call func() error) error {
	if f.dead {
		return errKilled
	}
	f.writes++
	if f.writes != f.at {
		return call()
	}
	f.dead = true
	if f.done {
		_ = call() // The response is lost.
	}
	return errKilled
}

// before returns a client whose calls pass the failpoint first.
func (f *failpoint) before(inner client.WithWatch, judge *judge) client.WithWatch {
	return interceptor.NewClient(inner, interceptor.Funcs{
		Get: func(
			ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, o ...client.GetOption,
		) error {
			return f.read(func() error { return c.Get(ctx, key, object, o...) })
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, o ...client.ListOption) error {
			return f.read(func() error { return c.List(ctx, list, o...) })
		},
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, o ...client.CreateOption) error {
			return f.write(func() error { return c.Create(ctx, object, o...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, o ...client.UpdateOption) error {
			return f.write(func() error { return c.Update(ctx, object, o...) })
		},
		Patch: func(
			ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, o ...client.PatchOption,
		) error {
			return f.write(func() error { return c.Patch(ctx, object, patch, o...) })
		},
		Apply: func(
			ctx context.Context, c client.WithWatch, wanted runtime.ApplyConfiguration, o ...client.ApplyOption,
		) error {
			if isDryRun(o) {
				return f.read(func() error { return c.Apply(ctx, wanted, o...) })
			}
			return f.write(func() error {
				judge.checkApply(wanted)
				return c.Apply(ctx, wanted, o...)
			})
		},
		Delete: func(ctx context.Context, c client.WithWatch, object client.Object, o ...client.DeleteOption) error {
			return f.write(func() error {
				judge.checkDelete(ctx, object)
				return c.Delete(ctx, object, o...)
			})
		},
		SubResourceApply: func(
			ctx context.Context, c client.Client, part string, wanted runtime.ApplyConfiguration,
			o ...client.SubResourceApplyOption,
		) error {
			return f.write(func() error { return c.SubResource(part).Apply(ctx, wanted, o...) })
		},
	})
}

func isDryRun(options []client.ApplyOption) bool {
	return len((&client.ApplyOptions{}).ApplyOptions(options).DryRun) > 0
}

// notebook records Events at once. An event recorder would send them later and in any order.
type notebook struct{ reasons []string }

// Eventf records the reason of an Event.
func (n *notebook) Eventf(_, _ runtime.Object, _, reason, _, _ string, _ ...any) {
	n.reasons = append(n.reasons, reason)
}
