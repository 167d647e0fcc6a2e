package nftables

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	// changesPerTransaction bounds the changes that one transaction makes.
	changesPerTransaction = 512
	// writeRounds bounds how often a transaction is tried that the kernel refused in part. Each round decides about all
	// elements that were refused in the one before. Others may add and remove elements meanwhile.
	writeRounds = 8
)

// ElementChange is the addition, replacement or removal of one element.
type ElementChange struct {
	Set     string
	Element Element
	// IsDeletion removes the element with the key. Removing one that does not exist is a success.
	IsDeletion bool
}

// WriteElements makes changes in their order. An addition gives an element that exists the new value and times. It
// returns an error for each change that the kernel refused, or nil: ENOENT without the set, ENFILE if the set is full.
// The error of the whole means that some changes may be missing.
func (k Kernel) WriteElements(table string, changes []ElementChange) ([]error, error) {
	refused := make([]error, len(changes))
	for first := 0; first < len(changes); first += changesPerTransaction {
		end := min(first+changesPerTransaction, len(changes))
		w := newWriter(table, changes[first:end], refused[first:end])
		// A socket for one call is not worth a trial.
		err := k.with(func(s *socket) error {
			return s.ask(func(conn *netlink.Conn) error { return w.run(conn, k.socket != nil && s.renewsInPlace()) })
		})
		if err != nil {
			return refused, fmt.Errorf("writing elements to sets of table inet %s: %w", table, err)
		}
	}
	return refused, nil
}

// writer makes the changes of one transaction. The kernel accepts all of them or none. It reports each that it refuses,
// so that a next transaction can do without.
type writer struct {
	table   string
	changes []ElementChange
	refused []error
	// steps are how the changes are made in the next round.
	steps []writeStep
}

// writeStep is how a change is made.
type writeStep uint8

const (
	// writeAdd adds an element that does not exist. Otherwise the kernel refuses the transaction. To undo it, it waits
	// for an RCU grace period: from 8 ms to tens of milliseconds, while other transactions of the namespace wait.
	writeAdd writeStep = iota
	// writeRenew adds an element, or gives the one that exists new times. The kernel refuses a new value.
	writeRenew
	// writeReplace deletes an element and adds it.
	writeReplace
	writeDelete
	writeNothing
)

func newWriter(table string, changes []ElementChange, refused []error) *writer {
	w := &writer{table: table, changes: changes, refused: refused, steps: make([]writeStep, len(changes))}
	for i, c := range changes {
		if c.IsDeletion {
			w.steps[i] = writeDelete
		}
	}
	return w
}

// run sends transactions until the kernel accepts one. It renews elements in place if the kernel does that.
func (w *writer) run(conn *netlink.Conn, renewsInPlace bool) error {
	if renewsInPlace {
		if err := w.renew(conn); err != nil {
			return err
		}
	}
	for range writeRounds {
		batch, owners, err := w.batch()
		if err != nil || len(owners) == 0 {
			return err
		}
		isAccepted, err := w.send(conn, batch, owners)
		if err != nil || isAccepted {
			return err
		}
	}
	return errors.New("others change the same elements again and again")
}

// renew chooses to renew elements where that has the effect of replacing them. The kernel leaves the times alone if an
// element that is added without a timeout has the one of its set. It also does if the element has no place for times,
// because a rule added it without a timeout. No rule of a ruleset does that.
func (w *writer) renew(conn *netlink.Conn) error {
	timeouts := map[string]time.Duration{}
	for i, c := range w.changes {
		if c.IsDeletion {
			continue
		}
		if _, isKnown := timeouts[c.Set]; c.Element.Timeout == 0 && !isKnown {
			set, _, err := readSet(conn, w.table, c.Set)
			if err != nil {
				return err
			}
			timeouts[c.Set] = set.Timeout
		}
		if c.Element.Timeout > 0 || timeouts[c.Set] == 0 {
			w.steps[i] = writeRenew
		}
	}
	return nil
}

// batch returns the messages of a transaction, and the change to which each message between its frame belongs.
func (w *writer) batch() (batch []netlink.Message, owners []int, err error) {
	batch = append(batch, frame(unix.NFNL_MSG_BATCH_BEGIN))
	for i, step := range w.steps {
		for _, p := range step.parts() {
			m, err := w.message(w.changes[i], p)
			if err != nil {
				return nil, nil, err
			}
			batch, owners = append(batch, m), append(owners, i)
		}
	}
	return append(batch, frame(unix.NFNL_MSG_BATCH_END)), owners, nil
}

// frame returns the message that begins or ends a transaction.
func frame(kind netlink.HeaderType) netlink.Message {
	return netlink.Message{
		Header: netlink.Header{Type: kind, Flags: netlink.Request},
		Data:   []byte{unix.NFPROTO_UNSPEC, unix.NFNETLINK_V0, 0, unix.NFNL_SUBSYS_NFTABLES},
	}
}

// part is one message of a step.
type part struct {
	kind  uint16
	flags netlink.HeaderFlags
}

// parts returns the messages of a step, in their order.
func (s writeStep) parts() []part {
	remove := part{kind: unix.NFT_MSG_DELSETELEM}
	add := part{kind: unix.NFT_MSG_NEWSETELEM, flags: netlink.Create | netlink.Excl}
	switch s {
	case writeAdd:
		return []part{add}
	case writeRenew:
		return []part{{kind: unix.NFT_MSG_NEWSETELEM, flags: netlink.Create}}
	case writeReplace:
		return []part{remove, add}
	case writeDelete:
		return []part{remove}
	default:
		return nil
	}
}

func (w *writer) message(c ElementChange, p part) (netlink.Message, error) {
	attributes, err := c.Element.inSet(w.table, c.Set, p.kind == unix.NFT_MSG_DELSETELEM)
	if err != nil {
		return netlink.Message{}, fmt.Errorf("encoding an element: %w", err)
	}
	encoded, err := netlink.MarshalAttributes(attributes)
	if err != nil {
		return netlink.Message{}, fmt.Errorf("encoding an element: %w", err)
	}
	return request(p.kind, netlink.Request|netlink.Acknowledge|p.flags, unix.NFPROTO_INET, encoded), nil
}

// send sends a transaction and chooses the next steps by the answers, of which each message has one. It returns whether
// the kernel accepted everything.
func (w *writer) send(conn *netlink.Conn, batch []netlink.Message, owners []int) (isAccepted bool, err error) {
	if _, err := conn.SendMessages(batch); err != nil {
		return false, err
	}
	isAccepted = true
	previous := -1
	for _, owner := range owners {
		_, err := conn.Receive()
		isFirst := owner != previous
		previous = owner
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, unix.EPERM), errors.Is(err, unix.ENOBUFS):
			return false, err // The kernel sends no more answers.
		default:
			isAccepted = false
			w.reconsider(owner, isFirst, err)
		}
	}
	return isAccepted, nil
}

// reconsider chooses the next step of a change that the kernel refused. A replacement has two messages.
func (w *writer) reconsider(i int, isFirst bool, why error) {
	switch step := w.steps[i]; {
	case step == writeDelete && errors.Is(why, unix.ENOENT):
		w.steps[i] = writeNothing
	case (step == writeAdd || step == writeRenew) && (errors.Is(why, unix.EEXIST) || errors.Is(why, unix.EBUSY)):
		w.steps[i] = writeReplace
	case step == writeReplace && isFirst && errors.Is(why, unix.ENOENT):
		w.steps[i] = writeAdd // Its time has ended in between.
	default:
		w.steps[i], w.refused[i] = writeNothing, why
	}
}
