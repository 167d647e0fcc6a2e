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

	mu    sync.Mutex // one caller at a time sends requests
	table *conntrack.Table
	// items, requests and results are reused from one batch to the next.
	items    []item
	requests []conntrack.Request
	results  []conntrack.Result
}

// Apply writes each change with the cheapest request, and with the next one if the kernel refuses it; see step. Nearly
// every batch is done after the first round.
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

// decode fills items with the changes. It refuses those that are malformed, and those of connections that are not
// replicated. The source leaves out the latter, but the active may be wrong about this unit's addresses.
func (s *sink) decode(changes []state.Change, outcome *class.Outcome) {
	s.items = s.items[:0]
	for k := range changes {
		s.items = append(s.items, item{})
		i := &s.items[len(s.items)-1]
		if err := i.decode(&changes[k]); err != nil {
			outcome.Refuse(class.Malformed, err)
		} else if !s.filter.takes(&i.flow) {
			outcome.Refuse(class.Excluded, fmt.Errorf("connection %v: %w", i.flow.Orig, errExcluded))
		} else {
			continue
		}
		s.items = s.items[:len(s.items)-1]
	}
}

// round sends the current step of each item, in order. Only items that need another step remain.
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
		answers := results[:i.requests()]
		results = results[len(answers):]
		if i.take(answers, s.filter.takes); i.step == stepRefused {
			outcome.Refuse(i.refusal(), fmt.Errorf("connection %v: %w", i.flow.Orig, i.err))
		}
		if i.step < stepDone {
			left = append(left, *i)
		}
	}
	s.items = left
	return nil
}

// settable are the status bits that are written to a kernel. It derives the others from other attributes, or refuses
// them.
const settable = conntrack.StatusSeenReply | conntrack.StatusAssured

// asStandby changes an entry of the active into what the standby's kernel must have.
//
// The kernel does not report the TCP windows that it tracks. The new active learns them from the first packet that it
// sees. That fails if the takeover lost the last packets: the sender repeats a segment that had arrived, and the
// receiver acknowledges data that this kernel has not seen. The kernel takes such a packet for invalid and does not
// translate it. The packet then reaches the virtual address, and the unit's own stack resets the connection.
//
// The flag BE_LIBERAL prevents this: packets outside of the known window pass. Connections that lived through a
// takeover are checked less strictly than others in this respect only.
//
// For the same reason, flags about acknowledgements from the unit's own time as active are cleared. With them, the
// kernel would take a reset for an attack.
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

// isComplete reports whether an entry can be created from a flow. Without its state, a TCP connection would count as
// one that was never opened.
func isComplete(f *conntrack.Flow) bool {
	return f.Fields.Has(conntrack.FieldStatus) &&
		(f.Orig.Protocol != conntrack.ProtocolTCP || f.Fields.Has(conntrack.FieldTCPState|conntrack.FieldTCPWindow))
}

// Prune deletes the replicated connections for which keep returns false.
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

// sweepBatch is how many requests a sweep sends at once.
const sweepBatch = 512

// choose returns the request for a connection, and whether there is one. An error ends the sweep.
type choose func(conntrack.Flow) (conntrack.Request, bool, error)

// sweep dumps the table, calls choose for each replicated connection, and sends the requests that it returns. Other
// callers may write between two batches. It returns the number of requests.
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

// carryOut sends requests and ignores their results. An entry that has gone or changed since the dump needs no request.
func (s *sink) carryOut(ctx context.Context, batch []conntrack.Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil { // checked under the lock: after the context has ended, nothing is written
		return err
	}
	_, err := s.table.Do(batch, make([]conntrack.Result, 0, len(batch)))
	return err
}
