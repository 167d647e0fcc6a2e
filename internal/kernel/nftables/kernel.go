package nftables

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"

	"github.com/hapair-io/hapair/internal/ruleset"
)

const (
	// bufferBytes bounds the transaction, which the kernel takes in one piece, and its answers, of which it gives one
	// or two a rule before it lets go of the sender. Nothing is allocated until it is needed.
	bufferBytes = 128 << 20
	// answerTimeout is far beyond what the largest ruleset takes. The kernel always answers; without an end to the
	// waiting, a bug in the counting of answers would stop the firewall for good.
	answerTimeout = time.Minute
	// dumpAttempts is how often a listing is tried while somebody changes rules, of whatever table, under it.
	dumpAttempts = 5
)

// Kernel is the nftables of one network namespace. The zero value is that of the process.
type Kernel struct {
	// NetNS is a file descriptor of another network namespace.
	NetNS int
}

// Replace makes the ruleset's table what the ruleset says, in one transaction, and checks that it is. On an error from
// the kernel the table is as it was.
func (k Kernel) Replace(r ruleset.Ruleset) error {
	conn, err := nftables.New(nftables.WithNetNSFd(k.NetNS), nftables.WithSockOptions(widen, limit))
	if err != nil {
		return fmt.Errorf("opening nftables: %w", err)
	}
	if err := queue(conn, r); err != nil {
		return fmt.Errorf("encoding table inet %s: %w", r.Table, err)
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("replacing table inet %s: %w", r.Table, explain(err))
	}
	return k.Verify(r)
}

func widen(conn *netlink.Conn) error {
	return errors.Join(conn.SetReadBuffer(bufferBytes), conn.SetWriteBuffer(bufferBytes))
}

func limit(conn *netlink.Conn) error {
	return conn.SetDeadline(time.Now().Add(answerTimeout))
}

// explain adds to the kernel's few words what a person can do.
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

// queue writes the whole transaction. Deleting a table that does not exist is an error, so that it is made first.
func queue(conn *nftables.Conn, r ruleset.Ruleset) error {
	table := &nftables.Table{Name: r.Table, Family: nftables.TableFamilyINet}
	conn.AddTable(table)
	conn.DelTable(table)
	conn.AddTable(table)

	b := builder{conn: conn, table: table, sets: map[string]*nftables.Set{}}
	if err := b.addSets(r); err != nil {
		return err
	}
	// All chains before all rules, since rules name chains.
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
