package nftables

import (
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"

	"github.com/hapair-io/hapair/internal/ruleset"
)

const (
	// bufferBytes bounds the transaction, which the kernel reads in one piece, and the answers. The kernel sends one
	// or two answers for each rule before the send returns. The kernel allocates the buffer only as needed.
	bufferBytes = 128 << 20
	// answerTimeout is far above the time for the largest ruleset. The kernel always answers. But without a timeout,
	// an error in counting the answers would block the firewall forever.
	answerTimeout = time.Minute
	// dumpAttempts bounds how often a look at the rules is repeated because a process changes some, of any table.
	dumpAttempts = 5
)

// Kernel is the nftables of the network namespace of the process. The zero value opens a socket for each call. Open
// returns one that keeps its socket.
type Kernel struct{ socket *socket }

// Open returns a kernel that keeps its socket until it is closed. It belongs to the network namespace of the thread
// that first uses it.
func Open() Kernel { return Kernel{socket: newSocket()} }

func newSocket() *socket { return &socket{timeout: answerTimeout, bufferBytes: bufferBytes} }

// Close closes the socket.
func (k Kernel) Close() error {
	if k.socket == nil {
		return nil
	}
	return k.socket.close()
}

// ask calls do with a socket for questions.
func (k Kernel) ask(do func(*netlink.Conn) error) error {
	return k.with(func(s *socket) error { return s.ask(do) })
}

// change calls do with a connection for one transaction.
func (k Kernel) change(do func(*nftables.Conn) error) error {
	return k.with(func(s *socket) error { return s.change(do) })
}

func (k Kernel) with(do func(*socket) error) error {
	if k.socket != nil {
		return do(k.socket)
	}
	s := newSocket()
	return errors.Join(do(s), s.close())
}

// Replace replaces the ruleset's table in one transaction. Dynamic sets that the table has keep their elements. If the
// kernel returns an error, the table is unchanged. If another process changed rules in the meantime, Replace verifies
// the result.
func (k Kernel) Replace(r ruleset.Ruleset) error {
	form, err := k.findQueueForm(r)
	if err != nil {
		return err
	}
	before, err := k.Generation()
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		had, err := k.takeInventory(r)
		if err != nil {
			return err
		}
		if err = k.replaceOnce(r, had, form); err == nil {
			break
		}
		if attempt == replaceAttempts || !k.isOutdated(had, err) {
			return err
		}
	}
	if after, err := k.Generation(); err == nil && Follows(after, before) {
		return nil
	}
	return k.Verify(r)
}

// replaceOnce replaces a table that has an inventory.
func (k Kernel) replaceOnce(r ruleset.Ruleset, had inventory, form queueForm) error {
	if had.isUseful() && had.isDormant {
		if err := k.wake(r.Table); err != nil {
			return err
		}
	}
	return k.change(func(conn *nftables.Conn) error {
		if err := queue(conn, r, had, form); err != nil {
			return fmt.Errorf("encoding table inet %s: %w", r.Table, err)
		}
		if err := conn.Flush(); err != nil {
			return fmt.Errorf("replacing table inet %s: %w", r.Table, explain(err))
		}
		return nil
	})
}

// Follows reports whether exactly one transaction lies between two generations.
func Follows(after, before uint32) bool {
	return after == before+1 || after == 1 && before == math.MaxUint32
}

// explain adds the remedy to the kernel's error.
func explain(err error) error {
	switch {
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w; the container needs the capability NET_ADMIN", err)
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w; the node's kernel lacks an nftables module (nf_tables, nft_ct, nft_nat, nft_log, "+
			"nft_limit or nft_reject_inet)", err)
	default:
		return err
	}
}

// Remove removes a table of the family inet.
func (k Kernel) Remove(table string) error {
	err := k.change(func(conn *nftables.Conn) error {
		conn.DelTable(&nftables.Table{Name: table, Family: nftables.TableFamilyINet})
		return conn.Flush()
	})
	if err != nil {
		return fmt.Errorf("removing table inet %s: %w", table, err)
	}
	return nil
}

// queue adds the whole transaction to the connection. If nothing is kept, it adds the table before it deletes it, since
// deleting an absent table is an error.
func queue(conn *nftables.Conn, r ruleset.Ruleset, had inventory, form queueForm) error {
	table := &nftables.Table{Name: r.Table, Family: nftables.TableFamilyINet}
	conn.AddTable(table)
	if had.isUseful() {
		had.remove(conn, table)
	} else {
		conn.DelTable(table)
		conn.AddTable(table)
	}

	b := builder{conn: conn, table: table, sets: map[string]*nftables.Set{}, queueForm: form}
	b.addHelpers(r.Helpers)
	if err := b.addSets(r, had.kept); err != nil {
		return err
	}
	// Add all chains before all rules, because rules refer to chains.
	for _, c := range r.AllChains() {
		b.addChain(c)
	}
	for _, c := range r.AllChains() {
		if err := b.addRules(c); err != nil {
			return err
		}
	}
	return nil
}
