package nftables

import (
	"errors"
	"fmt"
	"os"

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
		if err := k.with(func(s *socket) error { return s.ask(w.run) }); err != nil {
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

// writeStep is how a change is made. Kernels before 6.12 ignore new times of an element that exists, and all of them
// refuse a new value. Therefore such an element is deleted and added in the same transaction.
type writeStep uint8

const (
	writeAdd writeStep = iota
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

// run sends transactions until the kernel accepts one.
func (w *writer) run(conn *netlink.Conn) error {
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

// batch returns the messages of a transaction, and the change to which each message between its frame belongs.
func (w *writer) batch() (batch []netlink.Message, owners []int, err error) {
	batch = append(batch, frame(unix.NFNL_MSG_BATCH_BEGIN))
	for i, step := range w.steps {
		if step == writeDelete || step == writeReplace {
			m, err := w.message(w.changes[i], true)
			if err != nil {
				return nil, nil, err
			}
			batch, owners = append(batch, m), append(owners, i)
		}
		if step == writeAdd || step == writeReplace {
			m, err := w.message(w.changes[i], false)
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

func (w *writer) message(c ElementChange, isDeletion bool) (netlink.Message, error) {
	attributes, err := c.Element.inSet(w.table, c.Set, isDeletion)
	if err != nil {
		return netlink.Message{}, fmt.Errorf("encoding an element: %w", err)
	}
	encoded, err := netlink.MarshalAttributes(attributes)
	if err != nil {
		return netlink.Message{}, fmt.Errorf("encoding an element: %w", err)
	}
	if isDeletion {
		return request(unix.NFT_MSG_DELSETELEM, netlink.Request|netlink.Acknowledge, unix.NFPROTO_INET, encoded), nil
	}
	flags := netlink.Request | netlink.Acknowledge | netlink.Create | netlink.Excl
	return request(unix.NFT_MSG_NEWSETELEM, flags, unix.NFPROTO_INET, encoded), nil
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
	case step == writeAdd && (errors.Is(why, unix.EEXIST) || errors.Is(why, unix.EBUSY)):
		w.steps[i] = writeReplace
	case step == writeReplace && isFirst && errors.Is(why, unix.ENOENT):
		w.steps[i] = writeAdd // Its time has ended in between.
	default:
		w.steps[i], w.refused[i] = writeNothing, why
	}
}
