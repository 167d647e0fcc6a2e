package expectations

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// sink writes the standby's kernel.
type sink struct {
	filter     *filter
	codec      codec
	withHelper bool

	mu     sync.Mutex // one caller at a time sends requests
	kernel *conntrack.Expectations
	// subscription makes the entries of this namespace report their expectations after a promotion.
	subscription *conntrack.Table
	parking      parking
	// lost counts expectations that waited for their master in vain, since the last Apply.
	lost     int
	isClosed bool
	timer    *time.Timer    // of the next retry; nil if none is due
	retrying sync.WaitGroup // has the timer, until it has fired and its retry is over
}

// errMaster is the error of an expectation whose master is not in the kernel.
var errMaster = errors.New("this unit does not have the control connection; is class ConnectionCache replicated?")

// errExcluded is the error of an expectation that is not replicated.
var errExcluded = errors.New("it is of another class, or of an address that both units do not forward")

// Apply writes each change. An expectation without its master waits.
func (s *sink) Apply(ctx context.Context, changes []state.Change) (class.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var outcome class.Outcome
	if err := ctx.Err(); err != nil {
		return outcome, err
	}
	s.retry(time.Now())
	for ; s.lost > 0; s.lost-- {
		outcome.Refuse(class.Incomplete, errMaster)
	}
	for i := range changes {
		if err := s.apply(&changes[i], &outcome); err != nil {
			return outcome, fmt.Errorf("writing expectations: %w", err)
		}
	}
	return outcome, nil
}

// apply writes one change. It returns an error only if nothing can be written.
func (s *sink) apply(c *state.Change, outcome *class.Outcome) error {
	e, err := decodeChange(c)
	if err != nil {
		outcome.Refuse(class.Malformed, err)
		return nil
	}
	s.parking.remove(c.Key)
	if c.Op == state.Delete {
		return s.remove(&e)
	}
	if !s.filter.takes(&e) {
		outcome.Refuse(class.Excluded, fmt.Errorf("expectation %v: %w", e.Tuple, errExcluded))
		return nil
	}
	err = s.write(e)
	switch {
	case err == nil:
	case errors.Is(err, unix.ENOENT):
		if s.parking.add(c.Key, e, time.Now()) {
			s.lost++
		}
		s.schedule()
	case isRefusal(err):
		outcome.Refuse(refusal(err), fmt.Errorf("expectation %v: %w", e.Tuple, err))
	default:
		return err
	}
	return nil
}

// isRefusal reports whether the kernel has answered that it does not take an expectation.
func isRefusal(err error) bool {
	var errno unix.Errno
	return errors.As(err, &errno)
}

// refusal returns why the kernel refused an expectation.
func refusal(err error) class.Refusal {
	if errors.Is(err, unix.EMFILE) { // nf_conntrack_expect_max
		return class.Full
	}
	return class.Rejected
}

// remove deletes an expectation, unless its place has one of another master.
func (s *sink) remove(e *conntrack.Expectation) error {
	there, err := s.kernel.Get(e.Tuple)
	if err == nil && encodeKey(&there) == encodeKey(e) && s.filter.takes(&there) {
		err = s.kernel.Delete(&there)
	}
	if isRefusal(err) { // It is not there.
		return nil
	}
	return err
}

// write creates an expectation with its remaining time. The active is right: what is in the way is deleted.
func (s *sink) write(e conntrack.Expectation) error {
	created := e
	if !s.withHelper {
		created.Helper = ""
	}
	err := s.kernel.Create(&created)
	switch {
	case errors.Is(err, unix.EEXIST):
		err = s.replace(&e, &created)
	case errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EALREADY):
		if err = s.clear(&e); err == nil {
			err = s.kernel.Create(&created)
		}
	}
	if err != nil {
		return err
	}
	// The kernel has given it the whole time of the helper's policy.
	e.TimeoutSeconds = max(e.TimeoutSeconds, 1)
	if err := s.kernel.SetTimeout(&e); !errors.Is(err, unix.ENOENT) { // It has just been met, or has expired.
		return err
	}
	return nil
}

// replace creates an expectation in the place of another one, unless they are equal.
func (s *sink) replace(e, created *conntrack.Expectation) error {
	there, err := s.kernel.Get(e.Tuple)
	if err == nil {
		if isEqual(&there, e) {
			return nil
		}
		if !s.filter.takes(&there) {
			return unix.EBUSY // It is this unit's own.
		}
		err = s.kernel.Delete(&there)
	}
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return s.kernel.Create(created)
}

// isEqual reports whether two expectations differ in nothing but their time.
func isEqual(a, b *conntrack.Expectation) bool {
	x, y := *a, *b
	x.ID, y.ID, x.TimeoutSeconds, y.TimeoutSeconds = 0, 0, 0, 0
	return x == y
}

// clear deletes the replicated expectations that clash with another one.
func (s *sink) clear(e *conntrack.Expectation) error {
	var clashing []conntrack.Expectation
	err := s.kernel.Dump(context.Background(), func(there *conntrack.Expectation) error {
		if there.Clashes(e) && s.filter.takes(there) {
			clashing = append(clashing, *there)
		}
		return nil
	})
	for i := range clashing {
		if deleted := s.kernel.Delete(&clashing[i]); !isRefusal(deleted) { // It may be gone.
			err = errors.Join(err, deleted)
		}
	}
	return err
}

// retry writes the expectations that wait and whose time has come. An error counts as one more miss.
func (s *sink) retry(now time.Time) {
	s.lost += s.parking.expire(now)
	s.parking.retry(now, func(e conntrack.Expectation) bool { return s.write(e) == nil })
}

// schedule starts the timer of the next retry, if an expectation waits and no timer runs.
func (s *sink) schedule() {
	if s.timer != nil || s.isClosed || s.parking.isEmpty() {
		return
	}
	s.retrying.Add(1)
	s.timer = time.AfterFunc(retryPause, func() {
		defer s.retrying.Done()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.timer = nil
		if !s.isClosed {
			s.retry(time.Now())
			s.schedule()
		}
	})
}

// Prune deletes the replicated expectations for which keep returns false.
func (s *sink) Prune(ctx context.Context, keep func(key string) bool) error {
	if err := s.filter.refresh(); err != nil {
		return err
	}
	var stale []conntrack.Expectation
	err := conntrack.DumpExpectations(ctx, func(e *conntrack.Expectation) error {
		if s.filter.takes(e) && !keep(encodeKey(e)) {
			stale = append(stale, *e)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("pruning expectations: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parking.prune(keep)
	for i := range stale {
		if err := s.kernel.Delete(&stale[i]); err != nil && !isRefusal(err) { // It may be gone.
			return fmt.Errorf("pruning expectations: %w", err)
		}
	}
	return nil
}

// Digest dumps the kernel's table.
func (s *sink) Digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	return s.filter.digest(ctx, visit)
}

// Adopt digests the table. It changes no entry: packets make the same expectations as Apply. It drops what waits,
// because the synchronization that now begins sends it again.
func (s *sink) Adopt(ctx context.Context, visit func(key string, fields []byte) error) error {
	s.mu.Lock()
	s.parking.clear()
	s.mu.Unlock()
	return s.filter.digest(ctx, visit)
}

// Refresh returns nil: time runs on the standby as on the active.
func (s *sink) Refresh(context.Context) error { return nil }

// Commit writes what waits, if its master is there now. The unit is active and receives no more masters.
func (s *sink) Commit(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.parking.makeDue(now)
	s.retry(now)
	s.parking.clear()
	return nil
}

// close stops the retries and closes the tables.
func (s *sink) close() error {
	s.mu.Lock()
	s.isClosed = true
	if s.timer != nil && s.timer.Stop() {
		s.retrying.Done()
	}
	s.mu.Unlock()
	s.retrying.Wait()
	return errors.Join(s.kernel.Close(), s.subscription.Close())
}
