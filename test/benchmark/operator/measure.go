package operator

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/benchmark/internal/apiserver"
	"github.com/hapair-io/hapair/test/benchmark/internal/figures"
	"github.com/hapair-io/hapair/test/testbed"
)

// creators is how many users create pairs at the same time.
const creators = 8

// measurement is one number of pairs on one bed.
type measurement struct {
	*bed
	fleet     *fleet
	sightings *sightings
	sample    Sample
}

func newMeasurement(t testing.TB, o Options, pairs int) *measurement {
	t.Helper()
	b := newBed(t, o)
	m := &measurement{bed: b, fleet: startFleet(b), sightings: watchSlices(b), sample: Sample{Pairs: pairs}}
	b.startOperator()
	return m
}

func measure(t testing.TB, o Options, pairs int) Sample {
	t.Helper()
	m := newMeasurement(t, o, pairs)
	for _, phase := range []func(context.Context){m.converge, m.rest, m.failOver, m.failOverAtOnce, m.restart} {
		phase(t.Context())
	}
	return m.sample
}

// converge creates all pairs and waits until each is as its spec says.
func (m *measurement) converge(ctx context.Context) {
	m.t.Helper()
	m.say("%d pairs: creating them", m.sample.Pairs)
	for site := 0; site*perNamespace < m.sample.Pairs; site++ {
		m.create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: keyOf(site * perNamespace).Namespace}})
	}
	m.await(ctx, "the operator to run", func(ctx context.Context) error {
		_, err := m.reconciles(ctx)
		return err
	})
	begun := time.Now()
	numbers := make(chan int)
	var users sync.WaitGroup
	for range creators {
		users.Go(func() {
			for number := range numbers {
				for _, object := range []client.Object{newFirewall(number), newPair(number)} {
					if err := m.admin.Create(ctx, object); err != nil {
						m.t.Errorf("Creating pair %d: %v", number, err)
					}
				}
			}
		})
	}
	for number := range m.sample.Pairs {
		numbers <- number
	}
	close(numbers)
	users.Wait()
	m.await(ctx, "all pairs to be as their specs say", m.settled)
	m.sample.Converged = seconds(time.Since(begun))
	r := m.counted(ctx)
	m.sample.Reconciles, m.sample.Errors = r.Count, r.Errors
	m.sample.ReconcileP50, m.sample.ReconcileP99 = milliseconds(r.quantile(0.5)), milliseconds(r.quantile(0.99))
	m.sample.WritesCreated = len(m.writes(begun))
}

// settled fails unless all pairs are as their specs say.
func (m *measurement) settled(ctx context.Context) error {
	list := &v1alpha1.HAPairList{}
	if err := m.admin.List(ctx, list); err != nil {
		return err
	}
	good := 0
	for i := range list.Items {
		conditions := list.Items[i].Status.Conditions
		if meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady) &&
			meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionSynchronized) &&
			meta.IsStatusConditionFalse(conditions, v1alpha1.ConditionReconciling) &&
			meta.IsStatusConditionFalse(conditions, v1alpha1.ConditionDegraded) {
			good++
		}
	}
	if good < m.sample.Pairs {
		// Looking costs the API server something too.
		time.Sleep(time.Second)
		return fmt.Errorf("%d of %d are", good, m.sample.Pairs)
	}
	return nil
}

func (m *measurement) counted(ctx context.Context) reconciles {
	m.t.Helper()
	r, err := m.reconciles(ctx)
	if err != nil {
		m.t.Fatal(err)
	}
	return r
}

// writes returns the operator's writes since a time, from the API server's audit log. It omits Events.
func (m *measurement) writes(since time.Time) (writes []apiserver.Write) {
	m.t.Helper()
	all, err := m.server.Writes(operatorNamespace, account, since)
	if err != nil {
		m.t.Fatal(err)
	}
	for _, w := range all {
		switch w.Resource {
		case "events", "tokenreviews", "subjectaccessreviews":
		default:
			writes = append(writes, w)
		}
	}
	return writes
}

// quietFor is how long the operator must reconcile nothing to be at rest.
const quietFor = 3 * time.Second

// settle waits until the operator is at rest.
func (m *measurement) settle(ctx context.Context) {
	m.t.Helper()
	m.await(ctx, "the operator to have nothing to do", func(ctx context.Context) error {
		before, err := m.reconciles(ctx)
		if err != nil {
			return err
		}
		testbed.Pause(m.t, quietFor)
		after, err := m.reconciles(ctx)
		if n := after.since(before).Count; err == nil && n > 0 {
			err = fmt.Errorf("it reconciled %d times within %s", n, quietFor)
		}
		return err
	})
}

// rest lets time pass in which nothing happens but renewals.
func (m *measurement) rest(ctx context.Context) {
	m.t.Helper()
	m.settle(ctx)
	m.say("%d pairs: converged in %.1f s; resting for %s", m.sample.Pairs, m.sample.Converged, m.o.Rest)
	before, renewals, begun, cpu := m.counted(ctx), m.fleet.renewals.Load(), time.Now(), m.processorTime()
	testbed.Pause(m.t, m.o.Rest)
	lasted := time.Since(begun)
	m.sample.Rest = seconds(lasted)
	m.sample.RestCPU = 1000 * float64(m.processorTime()-cpu) / float64(lasted)
	m.sample.Renewals = float64(m.fleet.renewals.Load()-renewals) / lasted.Seconds()
	m.sample.RestWrites = len(m.writes(begun))
	m.sample.RestReconciles = m.counted(ctx).since(before).Count
	memory, err := testbed.MemoryOf(m.manager.PID())
	if err != nil {
		m.t.Fatal(err)
	}
	m.sample.Resident, m.sample.Peak = float64(memory.Resident)/(1<<20), float64(memory.Peak)/(1<<20)
}

func (m *measurement) processorTime() time.Duration {
	m.t.Helper()
	used, err := testbed.ProcessorTime(m.manager.PID())
	if err != nil {
		m.t.Fatal(err)
	}
	return used
}

// failOver moves the role of one pair after the other.
func (m *measurement) failOver(ctx context.Context) {
	m.t.Helper()
	m.say("%d pairs: %d failovers one by one", m.sample.Pairs, m.o.Failovers)
	var took []time.Duration
	for i := range m.o.Failovers {
		took = append(took, m.failOverOne(ctx, keyOf(i%m.sample.Pairs)))
		testbed.Pause(m.t, 20*time.Millisecond)
	}
	m.sample.Repointed = spreadOf(took)
	m.settle(ctx)
}

func (m *measurement) failOverOne(ctx context.Context, pair client.ObjectKey) time.Duration {
	m.t.Helper()
	active, written, err := m.fleet.failOver(ctx, pair)
	if err != nil {
		m.t.Fatalf("Changing the Lease of %s: %v", pair, err)
	}
	var seen time.Time
	m.await(ctx, "the Service of "+pair.String()+" to follow", func(context.Context) (err error) {
		seen, err = m.sightings.of(pair, active)
		return err
	})
	if err := m.fleet.reportRoles(ctx, pair, active); err != nil {
		m.t.Fatalf("Saying the roles of %s: %v", pair, err)
	}
	return max(seen.Sub(written), 0)
}

// failOverAtOnce moves the role of many pairs, as the loss of a node with many units does.
func (m *measurement) failOverAtOnce(ctx context.Context) {
	m.t.Helper()
	m.sample.Burst = min(m.o.Burst, m.sample.Pairs)
	m.say("%d pairs: %d failovers at once", m.sample.Pairs, m.sample.Burst)
	took := make([]time.Duration, m.sample.Burst)
	var all sync.WaitGroup
	for i := range took {
		all.Go(func() { took[i] = m.failOverOne(ctx, keyOf(i)) })
	}
	all.Wait()
	m.sample.BurstLast = spreadOf(took)
	m.settle(ctx)
}

// restart ends the operator and starts another, which finds everything as it should be.
func (m *measurement) restart(ctx context.Context) {
	m.t.Helper()
	m.say("%d pairs: starting another operator", m.sample.Pairs)
	m.manager.Kill()
	begun := time.Now()
	m.startOperator()
	m.await(ctx, "it to have looked at every pair", func(ctx context.Context) error {
		r, err := m.reconciles(ctx)
		if err == nil && r.Count < uint64(m.sample.Pairs) {
			err = fmt.Errorf("%d reconciles", r.Count)
		}
		return err
	})
	m.sample.Restarted = seconds(time.Since(begun))
	m.settle(ctx)
	m.sample.RestartWrites = len(m.writes(begun))
}

func spreadOf(took []time.Duration) Spread {
	s := figures.Summarize(took)
	return Spread{P50: milliseconds(s.P50), P99: milliseconds(s.P99), Max: milliseconds(s.Max)}
}
