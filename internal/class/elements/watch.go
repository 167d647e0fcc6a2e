package elements

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/state"
)

// pollInterval is the time between two listings of a set that rules fill.
const pollInterval = time.Second

// watch translates notifications and listings into changes.
type watch struct {
	*sets
	listener *nftables.Listener
	// keep is called with each listing of a set that rules fill.
	keep  func(nftables.Set, []nftables.Element)
	known known
	// byName are the sets that exist.
	byName map[string]nftables.Set
	// polled is when the sets that rules fill were listed last.
	polled   time.Time
	asked    atomic.Uint64
	answered uint64
}

// reset takes the present elements of all sets for known.
func (w *watch) reset() error {
	w.known, w.polled = known{}, time.Now()
	if err := w.findSets(); err != nil {
		return err
	}
	for _, set := range w.byName {
		elements, err := w.elements(set)
		if err != nil {
			return err
		}
		w.known.of(set.Name).compare(elements, time.Now())
	}
	return nil
}

// findSets lists the sets.
func (w *watch) findSets() error {
	all, err := w.list()
	w.byName = make(map[string]nftables.Set, len(all))
	for _, set := range all {
		w.byName[set.Name] = set
	}
	return err
}

// Receive waits for changes. It returns class.ErrOverrun if the kernel dropped notifications.
func (w *watch) Receive(ctx context.Context) (class.Batch, error) {
	for {
		asked := w.asked.Load() // Before reading, so that what is read answers the drain.
		isAsked := asked > w.answered
		if isAsked {
			w.listener.Wake() // An earlier Receive may have used up the wake-up of this drain.
		}
		events, isDrained, err := w.listener.Receive(ctx, w.nextPoll())
		if errors.Is(err, nftables.ErrLost) {
			return class.Batch{}, errors.Join(class.ErrOverrun, w.reset())
		}
		if err != nil {
			return class.Batch{}, err
		}
		changes, err := w.translate(events)
		if err == nil && isDrained && (isAsked || !time.Now().Before(w.nextPoll())) {
			changes, err = w.poll(changes)
		}
		if err != nil {
			return class.Batch{}, err
		}
		if isAsked && isDrained {
			w.answered = asked
		}
		if len(changes) > 0 || isAsked && isDrained {
			return class.Batch{Changes: changes, Drained: w.answered}, nil
		}
	}
}

// nextPoll returns when the sets that rules fill are listed next; the zero time without any.
func (w *watch) nextPoll() time.Time {
	for _, set := range w.byName {
		if set.IsFilledByRules {
			return w.polled.Add(pollInterval)
		}
	}
	return time.Time{}
}

// translate returns the changes in notifications.
func (w *watch) translate(events []nftables.SetEvent) (changes []state.Change, err error) {
	// An element in these events may be of a set in these events. The present sets are those that matter.
	if slices.ContainsFunc(events, w.concernsSets) {
		if err := w.findSets(); err != nil {
			return nil, err
		}
	}
	for _, event := range events {
		if event.Kind != nftables.TableRemoved && !w.serves(event.Set) {
			continue
		}
		switch event.Kind {
		case nftables.SetAdded, nftables.Committed: // See above.
		case nftables.SetRemoved:
			changes = w.removeSet(changes, event.Set)
		case nftables.TableRemoved:
			for set := range w.known {
				changes = w.removeSet(changes, set)
			}
		case nftables.ElementAdded:
			changes = w.add(changes, event.Set, event.Element)
		case nftables.ElementRemoved:
			delete(w.known.of(event.Set).elements, string(event.Element.Key))
			changes = append(changes, w.remove(event.Set, event.Element.Key))
		}
	}
	return changes, nil
}

// concernsSets reports whether an event tells that a set of the class appeared or went.
func (w *watch) concernsSets(event nftables.SetEvent) bool {
	switch event.Kind {
	case nftables.SetAdded, nftables.SetRemoved:
		return w.serves(event.Set)
	default:
		return event.Kind == nftables.TableRemoved
	}
}

// add adds an element that was notified. The notification leaves out a timeout that is the one of the set.
func (w *watch) add(changes []state.Change, name string, e nftables.Element) []state.Change {
	set, isServed := w.byName[name]
	if !isServed {
		return changes
	}
	if e.Timeout == 0 && e.Remaining > 0 {
		e.Timeout = max(set.Timeout, e.Remaining)
	}
	w.known.of(name).note(e, time.Now())
	return append(changes, w.upsert(name, e))
}

// removeSet adds the removal of all elements of a set that is gone.
func (w *watch) removeSet(changes []state.Change, set string) []state.Change {
	for key := range w.known.of(set).elements {
		changes = append(changes, w.remove(set, []byte(key)))
	}
	delete(w.known, set)
	return changes
}

// poll adds what rules changed.
func (w *watch) poll(changes []state.Change) ([]state.Change, error) {
	for name, set := range w.byName {
		if !set.IsFilledByRules {
			continue
		}
		listing, err := w.elements(set)
		if err != nil {
			return nil, err
		}
		w.keep(set, listing)
		news, gone := w.known.of(name).compare(listing, time.Now())
		for _, e := range news {
			changes = append(changes, w.upsert(name, e))
		}
		for _, key := range gone {
			changes = append(changes, w.remove(name, []byte(key)))
		}
	}
	w.polled = time.Now()
	return changes, nil
}

// Drain wakes a Receive that waits, so that it reads what has happened until now.
func (w *watch) Drain() uint64 {
	number := w.asked.Add(1)
	w.listener.Wake()
	return number
}

// Close stops listening.
func (w *watch) Close() error { return w.listener.Close() }
