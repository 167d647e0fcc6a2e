package hapair

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// Pacing bounds how many pairs are updated at the same time. A release with a fault then costs few pairs their standby,
// and not all.
type Pacing struct {
	// MaxPairs is the number of pairs that may be in an update; 0 for no bound.
	MaxPairs int
	// Delay is the time between the end of one pair's update and the begin of the next one's.
	Delay time.Duration
}

// turnInterval is how often a pair that waits for its turn is reconciled, should the end of another update be missed.
const turnInterval = time.Minute

// turns grants turns. The statuses of the pairs are the record, which a new leader reads. The map has the pairs that
// got a turn a moment ago, since the cache may not show it yet.
type turns struct {
	mu      sync.Mutex
	granted map[types.NamespacedName]bool
}

func (t *turns) release(pair types.NamespacedName) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.granted, pair)
}

// takeTurn reports whether a working unit of the pair may be replaced now. Otherwise the pair waits, and its decision
// has what it waits for.
func (r *Reconciler) takeTurn(ctx context.Context, s *scope, unit v1alpha1.Unit) (bool, error) {
	if r.Pacing.MaxPairs == 0 || !isPaced(s.pair) || !s.facts.units[unit].ready() || s.upgrade.StartedAt != nil {
		return true, nil
	}
	pairs := &v1alpha1.HAPairList{}
	if err := r.Client.List(ctx, pairs, client.UnsafeDisableDeepCopy); err != nil {
		return false, fmt.Errorf("looking for pairs that are being updated: %w", err)
	}
	key := client.ObjectKeyFromObject(s.pair)
	r.turns.mu.Lock()
	defer r.turns.mu.Unlock()
	since := r.Now()
	if s.upgrade.WaitingSince != nil {
		since = s.upgrade.WaitingSince.Time
	}
	wait := findTurn(pairs.Items, r.turns.granted, key, since, r.Pacing)
	if wait.why == "" && !r.Now().Before(wait.until) {
		if r.turns.granted == nil {
			r.turns.granted = map[types.NamespacedName]bool{}
		}
		r.turns.granted[key] = true
		return true, nil
	}
	s.upgrade.WaitingSince = new(metav1.NewTime(since))
	s.requeueAt(r.Now().Add(turnInterval))
	if wait.why == "" {
		s.requeueAt(wait.until)
		wait.why = fmt.Sprintf("another pair was updated less than %s ago", r.Pacing.Delay)
	}
	s.decisions[unit] = decision{actionAwaitTurn, "It is outdated and waits for its turn: " + wait.why}
	return false, nil
}

// beginTurn records that the pair has its turn. The unit is replaced by the next reconcile, when the API server has the
// record: a new leader must know which pair lacks a unit.
func (r *Reconciler) beginTurn(s *scope, unit v1alpha1.Unit) (begun bool) {
	if r.Pacing.MaxPairs == 0 || !isPaced(s.pair) || !s.facts.units[unit].ready() || s.upgrade.StartedAt != nil {
		return true
	}
	s.upgrade.StartedAt, s.upgrade.WaitingSince = new(metav1.NewTime(r.Now())), nil
	s.decisions[unit] = decision{actionWait, "It is outdated, and its turn begins"}
	s.requeueAt(r.Now())
	return false
}

// endTurn ends the turn of a pair that is whole again and replaces no unit now.
func (r *Reconciler) endTurn(s *scope) {
	if s.upgrade.StartedAt == nil || s.facts.standby() == "" || !s.facts.synchronized() {
		return
	}
	for _, made := range s.decisions {
		switch made.action {
		case actionKeep, actionHold, actionAwaitSwitchover, actionAwaitTurn:
		case actionCreate, actionRemove, actionDeleteLost, actionReplace, actionWait:
			return
		}
	}
	s.upgrade.StartedAt, s.upgrade.FinishedAt = nil, new(metav1.NewTime(r.Now()))
	r.turns.release(client.ObjectKeyFromObject(s.pair))
}

func isPaced(pair *v1alpha1.HAPair) bool { return pair.Spec.Upgrade.Pacing != v1alpha1.PacingImmediate }

// wait is what keeps a pair from having its turn.
type wait struct {
	// why is another pair that comes first; empty if none does.
	why string
	// until is the end of the delay after the last update.
	until time.Time
}

// findTurn returns what keeps a pair from having its turn. A pair that does not come back from its update keeps its
// turn, and one that needs a person stops all turns. Those that wait have theirs in the order in which they came.
func findTurn(
	pairs []v1alpha1.HAPair, granted map[types.NamespacedName]bool, own types.NamespacedName, since time.Time, p Pacing,
) wait {
	var inUpdate, before []string
	var until time.Time
	for i := range pairs {
		pair, key := &pairs[i], client.ObjectKeyFromObject(&pairs[i])
		upgrade := pair.Status.Upgrade
		if upgrade == nil {
			upgrade = &v1alpha1.UpgradeStatus{}
		}
		if at := upgrade.FinishedAt; at != nil && key != own && at.Add(p.Delay).After(until) {
			until = at.Add(p.Delay)
		}
		switch {
		case key == own || !isPaced(pair) || pair.DeletionTimestamp != nil:
		case upgrade.StartedAt != nil || granted[key]:
			if meta.IsStatusConditionTrue(pair.Status.Conditions, v1alpha1.ConditionStalled) {
				return wait{why: fmt.Sprintf("pair %s does not come back from its update; repair it, or set "+
					"spec.upgrade.pacing of one of the two pairs to Immediate", key)}
			}
			inUpdate = append(inUpdate, key.String())
		case isWaiting(pair) && comesBefore(upgrade.WaitingSince.Time, key, since, own):
			before = append(before, key.String())
		}
	}
	slices.Sort(inUpdate)
	switch free := p.MaxPairs - len(inUpdate); {
	case free <= 0:
		return wait{why: fmt.Sprintf("pair %s is being updated", inUpdate[0])}
	case len(before) >= free:
		return wait{why: "other pairs came before it"}
	default:
		return wait{until: until}
	}
}

// isWaiting reports whether a pair waits for its turn and can take it.
func isWaiting(pair *v1alpha1.HAPair) bool {
	return pair.Status.Upgrade != nil && pair.Status.Upgrade.WaitingSince != nil && isPaced(pair) && !pair.Spec.Paused &&
		pair.DeletionTimestamp == nil && !meta.IsStatusConditionTrue(pair.Status.Conditions, v1alpha1.ConditionStalled)
}

// comesBefore reports whether pair a, which waits since then, has its turn before pair b.
func comesBefore(sinceA time.Time, a types.NamespacedName, sinceB time.Time, b types.NamespacedName) bool {
	// The API has seconds.
	if c := sinceA.Truncate(time.Second).Compare(sinceB.Truncate(time.Second)); c != 0 {
		return c < 0
	}
	return a.String() < b.String()
}

// nextInTurn returns a handler that reconciles the pairs which have their turns next.
func (r *Reconciler) nextInTurn() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(ctx context.Context, _ client.Object) []reconcile.Request {
		pairs := &v1alpha1.HAPairList{}
		if err := r.Client.List(ctx, pairs, client.UnsafeDisableDeepCopy); err != nil {
			log.FromContext(ctx).Error(err, "Finding the pairs that wait for their turn")
			return nil
		}
		waiting := slices.DeleteFunc(pairs.Items, func(pair v1alpha1.HAPair) bool { return !isWaiting(&pair) })
		slices.SortFunc(waiting, func(a, b v1alpha1.HAPair) int {
			return cmp.Or(a.Status.Upgrade.WaitingSince.Compare(b.Status.Upgrade.WaitingSince.Time),
				cmp.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name))
		})
		var requests []reconcile.Request
		for i := range waiting[:min(len(waiting), max(r.Pacing.MaxPairs, 1))] {
			requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&waiting[i])})
		}
		return requests
	})
}

// turnFreed returns a predicate for changes after which another pair may have its turn.
func turnFreed() predicate.Predicate {
	hasTurn := func(object client.Object) bool {
		pair, ok := object.(*v1alpha1.HAPair)
		return ok && pair.Status.Upgrade != nil && isPaced(pair) && pair.Status.Upgrade.StartedAt != nil &&
			!meta.IsStatusConditionTrue(pair.Status.Conditions, v1alpha1.ConditionStalled)
	}
	waits := func(object client.Object) bool {
		pair, ok := object.(*v1alpha1.HAPair)
		return ok && isWaiting(pair)
	}
	return predicate.Funcs{
		CreateFunc:  func(event.CreateEvent) bool { return false },
		GenericFunc: func(event.GenericEvent) bool { return false },
		DeleteFunc:  func(e event.DeleteEvent) bool { return hasTurn(e.Object) || waits(e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool {
			return hasTurn(e.ObjectOld) != hasTurn(e.ObjectNew) || waits(e.ObjectOld) && !waits(e.ObjectNew)
		},
	}
}
