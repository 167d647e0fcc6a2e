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
	// isWhole is set if flow has all fields of the active's entry, so that the others are zero there.
	isWhole bool
	// retained are the status bits of the existing entry that an update must repeat.
	retained conntrack.Status
	err      error // the kernel's last answer
}

// step is the next attempt to write a change. Attempts only move forwards, so that a change is done after a few rounds.
type step uint8

const (
	stepDelete step = iota
	// stepUpdate changes an entry that the active has reported before. Since changes arrive in order, no other entry has
	// its tuple.
	stepUpdate
	// stepCreate makes the entry.
	stepCreate
	// stepLook reads the entries that exist in its place: the one with its original tuple, and the one with its reply
	// tuple.
	stepLook
	// stepChange updates the existing entry, which is of the same connection.
	stepChange
	// stepReplace deletes an entry that is in the way, by either tuple, and creates the new one. The active is right: it
	// has seen the end of what the standby still has.
	stepReplace
	// stepOrphan creates the entry without the connection that expected it. A call outlives the entry of its signalling,
	// which is idle. The active's kernel still names that connection, and this unit's kernel does not have it.
	stepOrphan
	// stepBare also leaves out attributes that this kernel may not support: helper and labels. The connection is
	// forwarded, but connections related to it are not recognized.
	stepBare
	stepDone
	stepRefused
)

// dispensable are the fields that stepBare leaves out.
const dispensable = conntrack.FieldHelper | conntrack.FieldLabels

// errExcluded is the error of a change to a connection that is not replicated, or in the way of one.
var errExcluded = errors.New("connections of the units' own addresses, and of classes that the pair does not " +
	"replicate, are left out")

// errPart is the error of a partial change to a connection that the standby does not have.
var errPart = errors.New("the change is partial, and the standby does not have the connection")

// decode reads a change and chooses the first step.
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
	i.isWhole = fresh && isComplete(&i.flow)
	if i.step = stepUpdate; i.isWhole {
		i.step = stepCreate
	}
	return nil
}

// requests returns the number of requests of the step.
func (i *item) requests() int {
	switch i.step {
	case stepReplace:
		return 3
	case stepLook:
		return 2
	default:
		return 1
	}
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
	case stepCreate, stepOrphan, stepBare:
		one(conntrack.Create, &i.flow)
	case stepLook:
		one(conntrack.Get, &i.flow)
		one(conntrack.Get, &conntrack.Flow{Orig: i.flow.Reply, Zone: i.flow.Zone})
	case stepChange:
		one(conntrack.Update, &i.flow)
		requests[len(requests)-1].Flow.Status |= i.retained
	case stepReplace:
		one(conntrack.Delete, &i.flow)
		one(conntrack.Delete, &conntrack.Flow{Orig: i.flow.Reply, Zone: i.flow.Zone})
		one(conntrack.Create, &i.flow)
	case stepDone, stepRefused:
	}
	return requests
}

// take chooses the next step by the answers to the requests of this one. Takes reports whether an entry is replicated.
func (i *item) take(answers []conntrack.Result, takes func(*conntrack.Flow) bool) {
	if i.step == stepLook {
		i.look(answers, takes)
		return
	}
	i.err = answers[len(answers)-1].Err
	switch {
	case i.step == stepDelete && errors.Is(i.err, unix.ENOENT):
		i.step = stepDone
	case i.err == nil:
		i.step = stepDone
	default:
		i.step = i.next()
	}
}

// look chooses the next step by the entries that exist. An entry that is not replicated belongs to this unit, and no
// change of the active replaces it.
func (i *item) look(answers []conntrack.Result, takes func(*conntrack.Flow) bool) {
	for k := range answers {
		if answers[k].Err == nil && !takes(&answers[k].Flow) {
			i.err, i.step = errExcluded, stepRefused
			return
		}
	}
	if i.err = answers[0].Err; i.err == nil {
		i.found(&answers[0].Flow)
	} else {
		i.step = i.next()
	}
}

// next returns the step after one that the kernel has refused.
func (i *item) next() step {
	switch {
	case i.step == stepDelete || i.step == stepBare:
		return stepRefused
	case i.step == stepUpdate && !errors.Is(i.err, unix.ENOENT):
		return stepLook
	case !isComplete(&i.flow):
		i.err = errPart
		return stepRefused
	case i.step == stepUpdate:
		return stepCreate
	case i.step == stepCreate && errors.Is(i.err, unix.EEXIST):
		return stepLook
	case i.step < stepReplace:
		return stepReplace
	case i.step == stepReplace && i.flow.Fields.Has(conntrack.FieldMaster):
		i.flow.Fields &^= conntrack.FieldMaster
		return stepOrphan
	case i.flow.Fields&dispensable != 0:
		i.flow.Fields &^= dispensable
		return stepBare
	default:
		return stepRefused
	}
}

// refusal returns why the kernel refused the last step. It answers ENOMEM when the table has nf_conntrack_max entries
// and it cannot evict one.
func (i *item) refusal() class.Refusal {
	switch {
	case errors.Is(i.err, errPart):
		return class.Incomplete
	case errors.Is(i.err, errExcluded):
		return class.Excluded
	case errors.Is(i.err, unix.ENOMEM):
		return class.Full
	default:
		return class.Rejected
	}
}

// found chooses the next step for an existing entry. It cannot be updated if a status bit would have to be cleared,
// which the kernel never does. Nor can it be if it has the sequence adjustments of an earlier connection.
func (i *item) found(there *conntrack.Flow) {
	same := there.Orig == i.flow.Orig && there.Reply == i.flow.Reply && there.Zone == i.flow.Zone
	loses := i.flow.Fields.Has(conntrack.FieldStatus) && there.Status&settable&^i.flow.Status != 0 ||
		i.isWhole && isAdjusted(there) && !i.flow.Fields.Has(conntrack.FieldSeqAdj)
	switch {
	case same && !loses:
		i.retained = there.Status & conntrack.StatusExpected // the kernel refuses to set or clear it
		i.step = stepChange
	case isComplete(&i.flow):
		i.step = stepReplace
	default:
		i.err, i.step = errPart, stepRefused
	}
}
