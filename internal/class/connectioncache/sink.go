package connectioncache

import (
	"context"
	"fmt"
	"sync"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// sink writes the standby's kernel.
type sink struct {
	filter *filter

	mu    sync.Mutex // one at a time asks the kernel
	table *conntrack.Table
	// items, requests and results are kept from one batch to the next.
	items    []item
	requests []conntrack.Request
	results  []conntrack.Result
}

// Apply writes changes, each in the way that costs least, and what the kernel refuses in the next way, see step. Nearly
// all batches are done after the first round.
func (s *sink) Apply(ctx context.Context, changes []state.Change) (class.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var outcome class.Outcome
	if err := ctx.Err(); err != nil {
		return outcome, err
	}
	s.decode(changes, &outcome)
	for len(s.items) > 0 {
		if err := s.round(&outcome); err != nil {
			return outcome, fmt.Errorf("writing connections: %w", err)
		}
	}
	return outcome, nil
}

func (s *sink) decode(changes []state.Change, outcome *class.Outcome) {
	s.items = s.items[:0]
	for k := range changes {
		s.items = append(s.items, item{})
		if err := s.items[len(s.items)-1].decode(&changes[k]); err != nil {
			outcome.Refuse(class.Malformed, err)
			s.items = s.items[:len(s.items)-1]
		}
	}
}

// round asks the kernel for the step of each item, in their order, and leaves those that need another one.
func (s *sink) round(outcome *class.Outcome) error {
	s.requests = s.requests[:0]
	for k := range s.items {
		s.requests = s.items[k].ask(s.requests)
	}
	results, err := s.table.Do(s.requests, s.results[:0])
	if err != nil {
		return err
	}
	s.results = results
	left := s.items[:0]
	for k := range s.items {
		i := &s.items[k]
		last := &results[i.requests()-1]
		results = results[i.requests():]
		if i.take(last); i.step == stepRefused {
			outcome.Refuse(i.refusal(), fmt.Errorf("connection %v: %w", i.flow.Orig, i.err))
		}
		if i.step < stepDone {
			left = append(left, *i)
		}
	}
	s.items = left
	return nil
}

// settable are the status bits that are given to a kernel. The others it sets itself, from the other attributes, or it
// refuses them.
const settable = conntrack.StatusSeenReply | conntrack.StatusAssured

// asStandby makes of an entry of the active what the standby's kernel is to have.
//
// The windows that the active's kernel tracks are told to nobody. A kernel that does not know them takes them from the
// first packet it sees, which goes wrong just when a takeover made the last packets get lost: when the sender repeats
// a segment that had arrived, the receiver acknowledges data that this kernel has not seen, and that is taken for
// invalid. An invalid packet is not translated back either; it ends up at the virtual address, and the unit's own
// stack resets the connection. Hence BE_LIBERAL: packets outside of the window that the kernel believes in pass. It is
// the one way in which a connection that lived through a takeover is checked less strictly than others.
//
// For the same reason all that the kernel may have learned about acknowledgements, when this unit was active before, is
// taken back, or it would take a reset for an attack.
func asStandby(f *conntrack.Flow) {
	if f.Fields.Has(conntrack.FieldStatus) {
		f.Status = f.Status&settable | conntrack.StatusConfirmed
	}
	f.TimeoutSeconds = max(f.TimeoutSeconds, lifetime)
	f.Fields |= conntrack.FieldTimeout
	if f.Fields.Has(conntrack.FieldTCPWindow) {
		beLiberal(&f.TCP)
	}
}

func beLiberal(t *conntrack.TCP) {
	t.FlagsOrig = t.FlagsOrig&conntrack.TCPNegotiatedFlags | conntrack.TCPBeLiberal
	t.FlagsReply = t.FlagsReply&conntrack.TCPNegotiatedFlags | conntrack.TCPBeLiberal
}

// whole says whether an entry can be created from a flow: without its protocol's state a TCP connection would be one
// that never began.
func whole(f *conntrack.Flow) bool {
	return f.Fields.Has(conntrack.FieldStatus) &&
		(f.Orig.Protocol != conntrack.ProtocolTCP || f.Fields.Has(conntrack.FieldTCPState|conntrack.FieldTCPWindow))
}

// Prune deletes the connections that are replicated and not to be kept.
func (s *sink) Prune(ctx context.Context, keep func(key string) bool) error {
	if err := s.filter.refresh(); err != nil {
		return err
	}
	_, err := s.sweep(ctx, func(f conntrack.Flow) (conntrack.Request, bool, error) {
		return conntrack.Request{Operation: conntrack.Delete, Flow: f}, !keep(encodeKey(&f)), nil
	})
	if err != nil {
		return fmt.Errorf("pruning connections: %w", err)
	}
	return nil
}

// sweepBatch is how many requests a sweep gathers before it asks the kernel.
const sweepBatch = 512

// choose looks at a connection, and says what is to be asked for, if anything is. Its error ends the sweep.
type choose func(conntrack.Flow) (conntrack.Request, bool, error)

// sweep dumps the table, has choose look at each connection that is replicated, and carries out what it asks for.
// Between two batches others may write. It returns how many requests there were.
func (s *sink) sweep(ctx context.Context, choose choose) (requests int, err error) {
	batch := make([]conntrack.Request, 0, sweepBatch)
	err = conntrack.Dump(ctx, func(f conntrack.Flow) error {
		if !s.filter.takes(&f) {
			return nil
		}
		request, ok, err := choose(f)
		if !ok || err != nil {
			return err
		}
		if batch = append(batch, request); len(batch) < cap(batch) {
			return nil
		}
		requests += len(batch)
		err = s.carryOut(ctx, batch)
		batch = batch[:0]
		return err
	})
	if err != nil {
		return requests, err
	}
	return requests + len(batch), s.carryOut(ctx, batch)
}

// carryOut does not mind what the kernel answers: an entry that is gone or has changed meanwhile is no longer the one
// that was looked at.
func (s *sink) carryOut(ctx context.Context, batch []conntrack.Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil { // under the lock: nothing is written after whoever ended the context wrote
		return err
	}
	_, err := s.table.Do(batch, make([]conntrack.Result, 0, len(batch)))
	return err
}
