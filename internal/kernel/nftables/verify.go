package nftables

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// ErrAltered reports that the kernel enforces something other than the applied ruleset.
var ErrAltered = errors.New("the table is not as it was applied")

// Generation returns a number that changes with every change of any table in the network namespace: it grows by one,
// and leaves out zero. While it stays the same, nothing was altered.
func (k Kernel) Generation() (number uint32, err error) {
	err = k.ask(func(conn *netlink.Conn) error {
		number, err = generation(conn)
		return err
	})
	return number, err
}

func generation(conn *netlink.Conn) (uint32, error) {
	messages, err := conn.Execute(request(unix.NFT_MSG_GETGEN, netlink.Request, unix.NFPROTO_UNSPEC, nil))
	if err != nil {
		return 0, fmt.Errorf("asking for the generation of nftables: %w", err)
	}
	for _, m := range messages {
		if len(m.Data) < messageHeaderBytes {
			continue
		}
		if g := nested(m.Data[messageHeaderBytes:]).number(unix.NFTA_GEN_ID); g != 0 {
			return g, nil
		}
	}
	return 0, errors.New("asking for the generation of nftables: the kernel's answer has none")
}

// Verify returns ErrAltered unless the kernel has exactly the ruleset: the table, active; each chain with its hook,
// priority and policy; each rule in its order; each set with its elements. Counters and state may differ. It guards
// against accidents, not against an attacker with the same rights.
func (k Kernel) Verify(r ruleset.Ruleset) error {
	return k.ask(func(conn *netlink.Conn) error {
		return settled(conn, func() error { return (&comparison{conn: conn, want: r}).run() })
	})
}

// settled repeats a look at the kernel that failed while something changed: it may have seen a mixture of two rulesets,
// each of which is whole. A look that succeeded needs no repetition, since a mixture equals nothing.
func settled(conn *netlink.Conn, look func() error) error {
	for attempt := 1; ; attempt++ {
		before, err := generation(conn)
		if err != nil {
			return err
		}
		if err = look(); err == nil {
			return nil
		}
		after, failed := generation(conn)
		if failed != nil || before == after || attempt == dumpAttempts {
			return errors.Join(err, failed)
		}
	}
}

// comparison compares the kernel's table with a ruleset.
type comparison struct {
	conn *netlink.Conn
	want ruleset.Ruleset
}

func (c *comparison) run() error {
	for _, compare := range []func() error{c.table, c.helpers, c.chains, c.sets, c.rules} {
		if err := compare(); err != nil {
			return err
		}
	}
	return nil
}

// altered returns an ErrAltered with the difference.
func (c *comparison) altered(format string, args ...any) error {
	return fmt.Errorf("%w: table inet %s %s", ErrAltered, c.want.Table, fmt.Sprintf(format, args...))
}

// list lists the objects of the table.
func (c *comparison) list(kind uint16, each func(message) error) error {
	err := dumpTable(c.conn, kind, unix.NFPROTO_INET, c.want.Table, each)
	switch {
	case errors.Is(err, unix.ENOENT):
		return c.altered("is absent")
	case errors.Is(err, errInterrupted):
		return nil // A mixture that equals the ruleset is the ruleset.
	default:
		return err
	}
}

// table checks that the table exists and is not dormant.
func (c *comparison) table() error {
	found := false
	err := c.list(unix.NFT_MSG_GETTABLE, func(m message) error {
		found = true
		if m.number(unix.NFTA_TABLE_FLAGS)&unix.NFT_TABLE_F_DORMANT != 0 {
			return c.altered("is dormant, so none of its rules is in force")
		}
		return nil
	})
	if err == nil && !found {
		return c.altered("is absent")
	}
	return err
}

func (c *comparison) chains() error {
	wanted := map[string]ruleset.Chain{}
	for _, chain := range c.want.AllChains() {
		wanted[chain.Name] = chain
	}
	err := c.list(unix.NFT_MSG_GETCHAIN, func(m message) error {
		name := m.text(unix.NFTA_CHAIN_NAME)
		chain, ok := wanted[name]
		if !ok {
			return c.altered("has chain %s, which was not applied", name)
		}
		delete(wanted, name)
		return c.chain(chain, m)
	})
	if err != nil {
		return err
	}
	for name := range wanted {
		return c.altered("lacks chain %s", name)
	}
	return nil
}

// chain compares where the kernel calls a chain, and what it does with packets that no rule decides about.
func (c *comparison) chain(want ruleset.Chain, got message) error {
	hook := got.get(unix.NFTA_CHAIN_HOOK)
	if want.Hook == nil {
		if hook != nil {
			return c.altered("has a hook on chain %s", want.Name)
		}
		return nil
	}
	kind, point, priority := place(*want.Hook)
	place := nested(hook)
	if hook == nil || got.text(unix.NFTA_CHAIN_TYPE) != string(kind) ||
		place.number(unix.NFTA_HOOK_HOOKNUM) != uint32(*point) ||
		int32(place.number(unix.NFTA_HOOK_PRIORITY)) != int32(*priority) { //nolint:gosec // The kernel sends it signed.
		return c.altered("has chain %s at another hook", want.Name)
	}
	if isDropping := got.number(unix.NFTA_CHAIN_POLICY) != acceptPolicy; isDropping != want.Hook.Drops {
		return c.altered("has another policy on chain %s", want.Name)
	}
	return nil
}

// acceptPolicy is NF_ACCEPT.
const acceptPolicy = 1

func (c *comparison) sets() error {
	wanted := map[string]content{}
	for _, s := range allSets(c.want) {
		wanted[s.name] = s
	}
	var names []string
	err := c.list(unix.NFT_MSG_GETSET, func(m message) error {
		name := m.text(unix.NFTA_SET_NAME)
		set, ok := wanted[name]
		if !ok {
			return c.altered("has set %s, which was not applied", name)
		}
		if set.isDynamic && !isDeclared(set, m) {
			return c.altered("has set %s with other types or bounds", name)
		}
		names = append(names, name)
		return nil
	})
	if err != nil {
		return err
	}
	if len(names) != len(wanted) {
		return c.altered("has %d sets, but %d were applied", len(names), len(wanted))
	}
	for _, name := range names {
		if wanted[name].isCache || wanted[name].isDynamic {
			continue // Rules and programs add its elements.
		}
		if err := c.set(name, wanted[name]); err != nil {
			return err
		}
	}
	return nil
}

// set compares the elements of a set. They have no order.
func (c *comparison) set(name string, set content) error {
	wanted := map[string]int{}
	for _, e := range set.elements {
		wanted[elementKey(e.Key, e.IntervalEnd)]++
	}
	filter := []netlink.Attribute{
		named(unix.NFTA_SET_ELEM_LIST_TABLE, c.want.Table), named(unix.NFTA_SET_ELEM_LIST_SET, name),
	}
	err := dump(c.conn, unix.NFT_MSG_GETSETELEM, unix.NFPROTO_INET, filter, func(m message) error {
		for a := range attributesOf(m.get(unix.NFTA_SET_ELEM_LIST_ELEMENTS)) {
			e := nested(a.value)
			key := nested(e.get(unix.NFTA_SET_ELEM_KEY)).get(unix.NFTA_DATA_VALUE)
			isEnd := e.number(unix.NFTA_SET_ELEM_FLAGS)&unix.NFT_SET_ELEM_INTERVAL_END != 0
			k := elementKey(key, isEnd)
			if wanted[k] == 0 {
				return c.altered("has an element in set %s that was not applied", name)
			}
			if wanted[k]--; wanted[k] == 0 {
				delete(wanted, k)
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, unix.ENOENT):
		return c.altered("lacks set %s", name)
	case len(wanted) > 0 && err == nil:
		return c.altered("lacks %d elements in set %s", len(wanted), name)
	default:
		return err
	}
}

func elementKey(key []byte, isEnd bool) string {
	if isEnd {
		return "end" + string(key)
	}
	return string(key)
}

// rules compares the rules of all chains. The kernel lists those of one chain in their order.
func (c *comparison) rules() error {
	wanted := map[string][]ruleset.Rule{}
	for _, chain := range c.want.Chains {
		wanted[chain.Name] = chain.Rules
	}
	b := builder{sets: map[string]*nftables.Set{}}
	for _, s := range allSets(c.want) {
		b.sets[s.name] = &nftables.Set{Name: s.name}
	}
	err := c.list(unix.NFT_MSG_GETRULE, func(m message) error {
		name := m.text(unix.NFTA_RULE_CHAIN)
		rules := wanted[name]
		if len(rules) == 0 {
			return c.altered("has more rules in chain %s than were applied", name)
		}
		if err := b.compareForms(rules[0], m.get(unix.NFTA_RULE_EXPRESSIONS)); err != nil {
			return c.altered("has in chain %s another rule than %q: %v", name, rules[0], err)
		}
		wanted[name] = rules[1:]
		return nil
	})
	if err != nil {
		return err
	}
	for name, rules := range wanted {
		if len(rules) > 0 {
			return c.altered("lacks %d rules in chain %s", len(rules), name)
		}
	}
	return nil
}

// Document returns the hash of the document that the table was compiled from. It is empty if the table does not exist
// or has no hash.
func (k Kernel) Document(table string) (hash string, err error) {
	err = k.ask(func(conn *netlink.Conn) error {
		err := settled(conn, func() (err error) {
			hash, err = documentOf(conn, table)
			if err == nil && hash == "" {
				err = unix.ENOENT
			}
			return err
		})
		if errors.Is(err, unix.ENOENT) {
			return nil
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("listing the chains of table inet %s: %w", table, err)
	}
	return hash, nil
}

func documentOf(conn *netlink.Conn, table string) (hash string, err error) {
	err = dumpTable(conn, unix.NFT_MSG_GETCHAIN, unix.NFPROTO_INET, table, func(m message) error {
		if found, ok := strings.CutPrefix(m.text(unix.NFTA_CHAIN_NAME), ruleset.DocumentChain); ok {
			hash = found
		}
		return nil
	})
	if errors.Is(err, errInterrupted) {
		err = nil // The hash is one that the table had meanwhile. Without one, the caller looks again.
	}
	return hash, err
}

// messageHeaderBytes is the length of struct nfgenmsg: family, version, resource.
const messageHeaderBytes = 4

func request(kind uint16, flags netlink.HeaderFlags, family uint8, attributes []byte) netlink.Message {
	header := []byte{family, unix.NFNETLINK_V0, 0, 0}
	return netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | kind), Flags: flags},
		Data:   append(header, attributes...),
	}
}
