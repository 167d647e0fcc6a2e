package connectioncache

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// sink writes the standby's kernel.
type sink struct {
	filter *filter

	mu    sync.Mutex // one at a time asks the kernel
	table *conntrack.Table
}

// item is one change on its way into the kernel.
type item struct {
	op   state.Op
	flow conntrack.Flow
	err  error // what the kernel answered last
}

// Apply writes changes: each is tried in the way that costs least, and what the kernel refuses in the next way. Most
// batches are done after the first step.
//
//  1. create, or delete
//  2. what exists: look at it, and update it if it is the same connection
//  3. what is in the way, or cannot be changed into what it should be: delete it and create. The active is right, and
//     what a standby has in its way is left over from something that the active has seen the end of.
//  4. what is refused as it is: create it without what this kernel may lack: helper, labels, the connection that
//     expected it. It will be forwarded; what hangs on those attributes will not be found related to it.
func (s *sink) Apply(ctx context.Context, changes []state.Change) (class.Outcome, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var outcome class.Outcome
	if err := ctx.Err(); err != nil {
		return outcome, err
	}
	items := decodeChanges(changes, &outcome)
	steps := []func([]*item) ([]*item, error){s.createOrDelete, s.update, s.replace, s.createBare}
	for _, step := range steps {
		if len(items) == 0 {
			return outcome, nil
		}
		var err error
		if items, err = step(items); err != nil {
			return outcome, fmt.Errorf("writing connections: %w", err)
		}
	}
	for _, i := range items {
		outcome.Refuse(fmt.Errorf("connection %v: %w", i.flow.Orig, i.err))
	}
	return outcome, nil
}

func decodeChanges(changes []state.Change, outcome *class.Outcome) []*item {
	items := make([]*item, 0, len(changes))
	for _, c := range changes {
		flow, err := decodeKey(c.Key)
		if err == nil && c.Op == state.Upsert {
			err = decodeRecord(&flow, c.Record)
		}
		if err != nil {
			outcome.Refuse(err)
			continue
		}
		if c.Op == state.Upsert {
			asStandby(&flow)
		}
		items = append(items, &item{op: c.Op, flow: flow})
	}
	return items
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

// errPart is of a change to a connection that the standby does not have.
var errPart = errors.New("only a part of it is known, and the standby does not have the rest")

// ask carries out requests, of which each item has n, and notes the answer to the last of them.
func (s *sink) ask(items []*item, n int, requests func(*item) []conntrack.Request) ([]conntrack.Result, error) {
	batch := make([]conntrack.Request, 0, len(items)*n)
	for _, i := range items {
		batch = append(batch, requests(i)...)
	}
	results, err := s.table.Do(batch, make([]conntrack.Result, 0, len(batch)))
	if err != nil {
		return nil, err
	}
	for k, i := range items {
		i.err = results[(k+1)*n-1].Err
	}
	return results, nil
}

func failed(items []*item) []*item {
	var left []*item
	for _, i := range items {
		if i.err != nil {
			left = append(left, i)
		}
	}
	return left
}

func (s *sink) createOrDelete(items []*item) ([]*item, error) {
	_, err := s.ask(items, 1, func(i *item) []conntrack.Request {
		switch {
		case i.op == state.Delete:
			return []conntrack.Request{{Operation: conntrack.Delete, Flow: i.flow}}
		case whole(&i.flow):
			return []conntrack.Request{{Operation: conntrack.Create, Flow: i.flow}}
		default:
			return []conntrack.Request{{Operation: conntrack.Get, Flow: i.flow}} // most likely it exists
		}
	})
	if err != nil {
		return nil, err
	}
	var left []*item
	for _, i := range items {
		switch {
		case i.op == state.Delete && (i.err == nil || errors.Is(i.err, unix.ENOENT)):
		case i.op == state.Upsert && i.err == nil && whole(&i.flow):
		default:
			left = append(left, i)
		}
	}
	return left, nil
}

// update changes those items that exist, and leaves the others as they are.
func (s *sink) update(items []*item) ([]*item, error) {
	var left, exist, same []*item
	for _, i := range items {
		if i.op == state.Upsert && (i.err == nil || errors.Is(i.err, unix.EEXIST)) {
			exist = append(exist, i)
		} else {
			left = append(left, i)
		}
	}
	found, err := s.ask(exist, 1, func(i *item) []conntrack.Request {
		return []conntrack.Request{{Operation: conntrack.Get, Flow: i.flow}}
	})
	if err != nil {
		return nil, err
	}
	changes := map[*item]conntrack.Flow{}
	for k, i := range exist {
		if change, ok := changeInto(&found[k].Flow, &i.flow); i.err == nil && ok {
			changes[i] = change
			same = append(same, i)
		} else {
			i.err = unix.EEXIST
			left = append(left, i)
		}
	}
	_, err = s.ask(same, 1, func(i *item) []conntrack.Request {
		return []conntrack.Request{{Operation: conntrack.Update, Flow: changes[i]}}
	})
	if err != nil {
		return nil, err
	}
	return append(left, failed(same)...), nil
}

// changeInto is the update that makes an entry into another one of the same connection, if there can be one: a kernel
// never takes back that packets were seen.
func changeInto(found, wanted *conntrack.Flow) (conntrack.Flow, bool) {
	if found.Orig != wanted.Orig || found.Reply != wanted.Reply || found.Zone != wanted.Zone {
		return conntrack.Flow{}, false
	}
	change := *wanted
	if change.Fields.Has(conntrack.FieldStatus) {
		if found.Status&settable&^wanted.Status != 0 {
			return conntrack.Flow{}, false
		}
		change.Status |= found.Status & conntrack.StatusExpected // it may be neither set nor taken back
	}
	return change, true
}

// replace makes room and creates. An entry can be in the way by either tuple.
func (s *sink) replace(items []*item) ([]*item, error) {
	var left, replaced []*item
	for _, i := range items {
		switch {
		case i.op == state.Delete:
			left = append(left, i)
		case !whole(&i.flow):
			i.err = errPart
			left = append(left, i)
		default:
			replaced = append(replaced, i)
		}
	}
	_, err := s.ask(replaced, 3, func(i *item) []conntrack.Request {
		other := conntrack.Flow{Orig: i.flow.Reply, Zone: i.flow.Zone}
		return []conntrack.Request{
			{Operation: conntrack.Delete, Flow: i.flow},
			{Operation: conntrack.Delete, Flow: other},
			{Operation: conntrack.Create, Flow: i.flow},
		}
	})
	if err != nil {
		return nil, err
	}
	return append(left, failed(replaced)...), nil
}

// dispensable are the fields without which a connection is still forwarded.
const dispensable = conntrack.FieldHelper | conntrack.FieldLabels | conntrack.FieldMaster

func (s *sink) createBare(items []*item) ([]*item, error) {
	var left, bare []*item
	for _, i := range items {
		if i.op == state.Upsert && i.flow.Fields&dispensable != 0 && whole(&i.flow) {
			i.flow.Fields &^= dispensable
			bare = append(bare, i)
		} else {
			left = append(left, i)
		}
	}
	_, err := s.ask(bare, 1, func(i *item) []conntrack.Request {
		return []conntrack.Request{{Operation: conntrack.Create, Flow: i.flow}}
	})
	if err != nil {
		return nil, err
	}
	return append(left, failed(bare)...), nil
}

// Prune deletes the connections that are replicated and not to be kept.
func (s *sink) Prune(ctx context.Context, keep func(key string) bool) error {
	if err := s.filter.refresh(); err != nil {
		return err
	}
	_, err := s.sweep(ctx, func(f conntrack.Flow) (conntrack.Request, bool) {
		return conntrack.Request{Operation: conntrack.Delete, Flow: f}, !keep(encodeKey(&f))
	})
	if err != nil {
		return fmt.Errorf("pruning connections: %w", err)
	}
	return nil
}

// sweepBatch is how many requests a sweep gathers before it asks the kernel.
const sweepBatch = 512

// sweep dumps the table, has choose look at each connection that is replicated, and carries out what it asks for.
// Between two batches others may write. It returns how many requests there were.
func (s *sink) sweep(
	ctx context.Context, choose func(conntrack.Flow) (conntrack.Request, bool),
) (requests int, err error) {
	batch := make([]conntrack.Request, 0, sweepBatch)
	err = conntrack.Dump(ctx, func(f conntrack.Flow) error {
		if !s.filter.takes(&f) {
			return nil
		}
		request, ok := choose(f)
		if !ok {
			return nil
		}
		if batch = append(batch, request); len(batch) < cap(batch) {
			return nil
		}
		requests += len(batch)
		err := s.carryOut(ctx, batch)
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
