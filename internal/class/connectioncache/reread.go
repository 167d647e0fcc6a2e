package connectioncache

import (
	"fmt"
	"time"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// A helper that writes a translated address into a command may change its length. The kernel then adjusts the sequence
// numbers of all later packets of the connection, and reports no event. But it does report that the helper expects
// another connection, and that it no longer does. After each such event, the watch reads the connection.

// settleTime is how long after the event the connection is read once more. The kernel reports the expectation some
// microseconds before it changes the packet, so that the first read may be too early.
const settleTime = 5 * time.Millisecond

// maxSettling bounds the connections that are read once more. At the bound, a connection is only read at once. The end
// of the expectation, or an audit, then repairs what that may have missed.
const maxSettling = 1 << 10

// rereads lists connections to read again. It is not safe for concurrent use.
type rereads struct {
	due map[identity]struct{}
	// settling lists connections by the time of their event.
	settling []arrival
}

func newRereads() rereads { return rereads{due: map[identity]struct{}{}} }

// add adds a connection. Only TCP has sequence numbers.
func (r *rereads) add(f *conntrack.Flow, now time.Time) {
	if f.Orig.Protocol != conntrack.ProtocolTCP {
		return
	}
	id := identify(f)
	r.due[id] = struct{}{}
	if len(r.settling) < maxSettling {
		r.settling = append(r.settling, arrival{id, now})
	}
}

// take returns a request for each connection that has been added or has settled since the last call. If draining is
// set, it returns all of them, and keeps those that have not settled.
func (r *rereads) take(now time.Time, draining bool) []conntrack.Request {
	for len(r.settling) > 0 && now.Sub(r.settling[0].at) >= settleTime {
		r.due[r.settling[0].id] = struct{}{}
		r.settling = r.settling[1:]
	}
	if draining {
		for _, s := range r.settling {
			r.due[s.id] = struct{}{}
		}
	}
	if len(r.due) == 0 {
		return nil
	}
	requests := make([]conntrack.Request, 0, len(r.due))
	for id := range r.due {
		requests = append(requests, conntrack.Request{
			Operation: conntrack.Get, Flow: conntrack.Flow{Orig: id.orig, Zone: id.zone},
		})
	}
	clear(r.due)
	return requests
}

// isEmpty reports whether no connection waits to settle.
func (r *rereads) isEmpty() bool { return len(r.settling) == 0 }

// reread reads the connections of take, and returns those whose sequence numbers are adjusted. The others have not
// changed without an event.
func (w *watch) reread(draining bool) ([]state.Change, error) {
	requests := w.rereads.take(time.Now(), draining)
	if len(requests) == 0 {
		return nil, nil
	}
	found, err := w.table.Do(requests, nil)
	if err != nil {
		return nil, fmt.Errorf("reading connections whose helper expects others: %w", err)
	}
	b := newBatch(len(found))
	for i := range found {
		f := &found[i].Flow
		if found[i].Err == nil && isAdjusted(f) && w.filter.takes(f) && w.filter.takesState(f) && !w.ages.holds(f) {
			b.upsert(f, false)
		}
	}
	return b.changes(), nil
}

// isAdjusted reports whether the kernel adjusts sequence numbers of a connection.
func isAdjusted(f *conntrack.Flow) bool {
	return f.Fields.Has(conntrack.FieldSeqAdj) &&
		(f.SeqAdjOrig != conntrack.SeqAdj{} || f.SeqAdjReply != conntrack.SeqAdj{})
}
