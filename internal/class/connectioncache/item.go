package connectioncache

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// item is one change on its way into the kernel.
type item struct {
	step step
	flow conntrack.Flow
	// kept is what the status of the entry that is there has and may not lose.
	kept conntrack.Status
	err  error // what the kernel answered last
}

// step is what is tried next. Each comes after those before it, so that a change is through after a few rounds.
type step uint8

const (
	stepDelete step = iota
	// stepUpdate changes an entry of which the active said before that it exists. What else might have its tuple on a
	// standby was deleted by then: changes come in their order.
	stepUpdate
	// stepCreate makes the entry.
	stepCreate
	// stepLook finds out what exists in its place.
	stepLook
	// stepChange updates what was found to be the same connection.
	stepChange
	// stepReplace deletes what is in the way, or cannot be changed into what it should be, and creates. The active is
	// right, and what a standby has in its way is left over from something that the active has seen the end of. It can be
	// in the way by either tuple.
	stepReplace
	// stepBare creates the entry without what this kernel may lack: helper, labels, the connection that expected it. It
	// will be forwarded; what hangs on those attributes will not be found related to it.
	stepBare
	stepDone
	stepRefused
)

// dispensable are the fields without which a connection is still forwarded.
const dispensable = conntrack.FieldHelper | conntrack.FieldLabels | conntrack.FieldMaster

// errPart is of a change to a connection that the standby does not have.
var errPart = errors.New("only a part of it is known, and the standby does not have the rest")

// decode reads a change, and finds what is tried first.
func (i *item) decode(c *state.Change) (err error) {
	if i.flow, err = decodeKey(c.Key); err != nil {
		return err
	}
	if c.Op == state.Delete {
		i.step = stepDelete
		return nil
	}
	fresh, err := decodeRecord(&i.flow, c.Record)
	if err != nil {
		return err
	}
	asStandby(&i.flow)
	if i.step = stepUpdate; fresh && whole(&i.flow) {
		i.step = stepCreate
	}
	return nil
}

// requests is how many requests the step has.
func (i *item) requests() int {
	if i.step == stepReplace {
		return 3
	}
	return 1
}

// ask appends the requests of the step.
func (i *item) ask(requests []conntrack.Request) []conntrack.Request {
	one := func(o conntrack.Operation, f *conntrack.Flow) {
		requests = append(requests, conntrack.Request{Operation: o, Flow: *f})
	}
	switch i.step {
	case stepDelete:
		one(conntrack.Delete, &i.flow)
	case stepUpdate:
		one(conntrack.Update, &i.flow)
	case stepCreate, stepBare:
		one(conntrack.Create, &i.flow)
	case stepLook:
		one(conntrack.Get, &i.flow)
	case stepChange:
		one(conntrack.Update, &i.flow)
		requests[len(requests)-1].Flow.Status |= i.kept
	case stepReplace:
		one(conntrack.Delete, &i.flow)
		one(conntrack.Delete, &conntrack.Flow{Orig: i.flow.Reply, Zone: i.flow.Zone})
		one(conntrack.Create, &i.flow)
	case stepDone, stepRefused:
	}
	return requests
}

// take goes on by the answer to the last request of the step.
func (i *item) take(answer *conntrack.Result) {
	i.err = answer.Err
	switch {
	case i.step == stepDelete && errors.Is(i.err, unix.ENOENT):
		i.step = stepDone
	case i.step == stepLook && i.err == nil:
		i.found(&answer.Flow)
	case i.err == nil:
		i.step = stepDone
	default:
		i.step = i.next()
	}
}

// next is the step after one that the kernel has refused.
func (i *item) next() step {
	switch {
	case i.step == stepDelete || i.step == stepBare:
		return stepRefused
	case i.step == stepUpdate && !errors.Is(i.err, unix.ENOENT):
		return stepLook
	case !whole(&i.flow):
		i.err = errPart
		return stepRefused
	case i.step == stepUpdate:
		return stepCreate
	case i.step == stepCreate && errors.Is(i.err, unix.EEXIST):
		return stepLook
	case i.step < stepReplace:
		return stepReplace
	case i.flow.Fields&dispensable != 0:
		i.flow.Fields &^= dispensable
		return stepBare
	default:
		return stepRefused
	}
}

// refusal is why the kernel did not take the change to the last step. It has no memory for an entry when the table has
// as many as nf_conntrack_max allows, and none that it could do without.
func (i *item) refusal() class.Refusal {
	switch {
	case errors.Is(i.err, errPart):
		return class.Incomplete
	case errors.Is(i.err, unix.ENOMEM):
		return class.Full
	default:
		return class.Rejected
	}
}

// found looks whether the entry that is there can become what it should be: a kernel never takes back that packets were
// seen.
func (i *item) found(there *conntrack.Flow) {
	same := there.Orig == i.flow.Orig && there.Reply == i.flow.Reply && there.Zone == i.flow.Zone
	loses := i.flow.Fields.Has(conntrack.FieldStatus) && there.Status&settable&^i.flow.Status != 0
	switch {
	case same && !loses:
		i.kept = there.Status & conntrack.StatusExpected // it may be neither set nor taken back
		i.step = stepChange
	case whole(&i.flow):
		i.step = stepReplace
	default:
		i.err, i.step = errPart, stepRefused
	}
}
