package elements

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/state"
)

// sink writes the standby's sets.
type sink struct {
	*sets
	listener *nftables.Listener
	stop     context.CancelFunc
	done     sync.WaitGroup

	mu      sync.Mutex // One caller at a time writes.
	waiting waiting
	kept    kept
	// listed is when a set that rules fill was listed last.
	listed time.Time
}

// newSink begins to follow the sets.
func newSink(s *sets) (*sink, error) {
	listener, err := nftables.Listen(s.config.Table)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	created := &sink{sets: s, listener: listener, stop: stop, waiting: waiting{}, kept: newKept()}
	if err := created.reread(); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	created.done.Go(func() { created.follow(ctx) })
	return created, nil
}

// close ends what newSink began.
func (s *sink) close() error {
	s.stop()
	s.done.Wait()
	return s.listener.Close()
}

// settle writes the elements that wait for sets that exist now. What the kernel refuses for another reason is dropped,
// and the next audit sends it again. The caller holds the lock.
func (s *sink) settle() {
	now := time.Now()
	s.waiting.drop(now)
	keys := make([]string, 0, len(s.waiting))
	changes := make([]nftables.ElementChange, 0, len(s.waiting))
	for key, waits := range s.waiting {
		keys = append(keys, key)
		changes = append(changes, nftables.ElementChange{Set: waits.set, Element: waits.at(now)})
	}
	refused, err := s.kernel.WriteElements(s.config.Table, changes)
	if err != nil {
		return // They wait for the next set, or for a change that the audit sends.
	}
	for i, key := range keys {
		if !errors.Is(refused[i], unix.ENOENT) {
			delete(s.waiting, key)
		}
	}
}

// written is a change that was decoded.
type written struct {
	key    string
	change nftables.ElementChange
}

// Apply writes elements with the time that is left of each. An element whose set does not exist waits for it.
func (s *sink) Apply(ctx context.Context, changes []state.Change) (class.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var outcome class.Outcome
	if err := ctx.Err(); err != nil {
		return outcome, err
	}
	decoded := s.decode(changes, &outcome)
	writes := make([]nftables.ElementChange, 0, len(decoded))
	for _, d := range decoded {
		writes = append(writes, d.change)
	}
	refused, err := s.kernel.WriteElements(s.config.Table, writes)
	if err != nil {
		return outcome, err
	}
	for i, d := range decoded {
		s.settleOne(d, refused[i], &outcome)
	}
	return outcome, nil
}

// decode returns the changes that can be written, and refuses the others.
func (s *sink) decode(changes []state.Change, outcome *class.Outcome) []written {
	decoded := make([]written, 0, len(changes))
	for _, c := range changes {
		set, key, err := decodeKey(c.Key)
		if err == nil && !s.serves(set) {
			outcome.Refuse(class.Excluded, fmt.Errorf("class %s has no set %q", s.config.ID, set))
			continue
		}
		element := nftables.Element{Key: key}
		if err == nil && c.Op == state.Upsert {
			err = decodeRecord(&element, c.Record)
		}
		if err != nil {
			outcome.Refuse(class.Malformed, err)
			continue
		}
		hasEnded := element.Timeout > 0 && element.Remaining == 0
		decoded = append(decoded, written{c.Key, nftables.ElementChange{
			Set: set, Element: element, IsDeletion: c.Op == state.Delete || hasEnded,
		}})
	}
	return decoded
}

// settleOne makes an element wait whose set does not exist, and counts refusals.
func (s *sink) settleOne(d written, why error, outcome *class.Outcome) {
	delete(s.waiting, d.key)
	if d.change.IsDeletion {
		s.kept.forget(d.change.Set, string(d.change.Element.Key))
	}
	if why == nil || errors.Is(why, unix.ENOENT) && s.waiting.add(d.key, d.change.Set, d.change.Element, time.Now()) {
		return
	}
	reason := class.Rejected
	if errors.Is(why, unix.ENFILE) || errors.Is(why, unix.ENOENT) { // The set is full, or too many wait.
		reason = class.Full
	}
	outcome.Refuse(reason, fmt.Errorf("adding an element to set %s: %w", d.change.Set, why))
}

// Prune removes the elements for which keep returns false.
func (s *sink) Prune(ctx context.Context, keep func(key string) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.waiting {
		if !keep(key) {
			delete(s.waiting, key)
		}
	}
	s.kept.prune(func(set, key string) bool { return keep(encodeKey(set, []byte(key))) })
	var removals []nftables.ElementChange
	err := s.each(func(set string, e nftables.Element) error {
		if !keep(encodeKey(set, e.Key)) {
			removals = append(removals, nftables.ElementChange{Set: set, Element: e, IsDeletion: true})
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	_, err = s.kernel.WriteElements(s.config.Table, removals)
	return err
}

// Digest visits the elements of all sets, and those that wait.
func (s *sink) Digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	if err := s.sets.Digest(ctx, visit); err != nil {
		return err
	}
	for key, element := range s.waitingNow() {
		if err := errors.Join(ctx.Err(), visit(key, appendComparable(nil, element))); err != nil {
			return err
		}
	}
	return nil
}

// waitingNow returns the elements that wait and whose time has not ended.
func (s *sink) waitingNow() map[string]nftables.Element {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.waiting.drop(now)
	all := make(map[string]nftables.Element, len(s.waiting))
	for key, waits := range s.waiting {
		all[key] = waits.at(now)
	}
	return all
}

// Adopt changes nothing, because an element is the same on both units. It visits the elements like Digest.
func (s *sink) Adopt(ctx context.Context, visit func(string, []byte) error) error {
	return s.Digest(ctx, visit)
}

// Refresh changes nothing, because an element ends on both units at once.
func (s *sink) Refresh(context.Context) error { return nil }

// Commit changes nothing, because elements have the same times on both units.
func (s *sink) Commit(context.Context) error { return nil }
