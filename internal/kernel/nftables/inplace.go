package nftables

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// replaceAttempts bounds how often a replacement in place is tried while other programs change the table.
const replaceAttempts = 5

// A table is replaced in place if it has dynamic sets of the new ruleset, because deleting the table would delete their
// elements. Everything else is deleted by its name in the same transaction. The names are listed before. What another
// program adds in the meantime stays and is found by Verify. If it deletes something, the kernel refuses the
// transaction, which is then tried again.

// inventory is what a table has besides rules, by name.
type inventory struct {
	// kept are the dynamic sets that stay with their elements.
	kept                     map[string]bool
	chains, sets, flowtables []string
	objects                  []object
	generation               uint32
	// isDormant is set if the kernel does not call the chains of the table.
	isDormant bool
}

// object is a named object of the kernel, for example a counter.
type object struct {
	name string
	kind uint32
}

// isUseful reports whether anything is kept by a replacement in place.
func (i inventory) isUseful() bool { return len(i.kept) > 0 }

// takeInventory lists the kernel's table. Without dynamic sets in the ruleset it lists nothing.
func (k Kernel) takeInventory(r ruleset.Ruleset) (found inventory, err error) {
	if len(r.DynamicSets) == 0 {
		return inventory{}, nil
	}
	err = k.ask(func(conn *netlink.Conn) error {
		before, err := generation(conn)
		if err != nil {
			return err
		}
		found, err = steady(func() (inventory, error) { return listInventory(conn, r) }, inventory.isSame)
		found.generation = before
		if errors.Is(err, unix.ENOENT) {
			found = inventory{} // There is no table yet.
			return nil
		}
		return err
	})
	if err != nil {
		return inventory{}, fmt.Errorf("listing table inet %s: %w", r.Table, err)
	}
	return found, nil
}

func (i inventory) isSame(other inventory) bool { return reflect.DeepEqual(i, other) }

// listInventory lists the table once, without its generation.
func listInventory(conn *netlink.Conn, r ruleset.Ruleset) (i inventory, err error) {
	i.kept = map[string]bool{}
	var interrupted error
	wanted := map[string]content{}
	for _, s := range allDynamic(r) {
		wanted[s.name] = s
	}
	for _, l := range []struct {
		kind uint16
		each func(message)
	}{
		{unix.NFT_MSG_GETTABLE, func(m message) {
			i.isDormant = m.number(unix.NFTA_TABLE_FLAGS)&unix.NFT_TABLE_F_DORMANT != 0
		}},
		{unix.NFT_MSG_GETSET, func(m message) { i.addSet(m, wanted) }},
		{unix.NFT_MSG_GETCHAIN, i.addChain},
		{unix.NFT_MSG_GETOBJ, func(m message) {
			i.objects = append(i.objects, object{m.text(unix.NFTA_OBJ_NAME), m.number(unix.NFTA_OBJ_TYPE)})
		}},
		{unix.NFT_MSG_GETFLOWTABLE, func(m message) {
			i.flowtables = append(i.flowtables, m.text(flowtableName))
		}},
	} {
		err := dumpTable(conn, l.kind, unix.NFPROTO_INET, r.Table, func(m message) error {
			l.each(m)
			return nil
		})
		switch {
		case errors.Is(err, errInterrupted):
			interrupted = err
		case err != nil:
			return i, err
		}
	}
	return i, interrupted
}

// addSet adds a set to those that are kept or deleted. The kernel deletes an anonymous set with its rule.
func (i *inventory) addSet(m message, wanted map[string]content) {
	name := m.text(unix.NFTA_SET_NAME)
	want, isWanted := wanted[name]
	switch {
	case isWanted && isDeclared(want, m):
		i.kept[name] = true
	case m.number(unix.NFTA_SET_FLAGS)&unix.NFT_SET_ANONYMOUS == 0:
		i.sets = append(i.sets, name)
	}
}

// Attributes that package unix lacks: NFTA_FLOWTABLE_NAME and NFTA_CHAIN_FLAGS.
const (
	flowtableName = 2
	chainFlags    = 10
)

// bindingChain is the flag of a chain that the kernel deletes with its rule (NFT_CHAIN_BINDING).
const bindingChain = 1 << 2

func (i *inventory) addChain(m message) {
	if m.number(chainFlags)&bindingChain == 0 {
		i.chains = append(i.chains, m.text(unix.NFTA_CHAIN_NAME))
	}
}

// remove adds the deletion of everything that is not kept to a transaction. Rules come first, because they refer to the
// rest. Sets come before chains, because a map may have jumps to chains.
func (i *inventory) remove(conn *nftables.Conn, table *nftables.Table) {
	conn.FlushTable(table)
	for _, name := range i.sets {
		conn.DelSet(&nftables.Set{Table: table, Name: name})
	}
	for _, name := range i.chains {
		conn.DelChain(&nftables.Chain{Table: table, Name: name})
	}
	for _, o := range i.objects {
		conn.DeleteObject(&nftables.NamedObj{Table: table, Name: o.name, Type: nftables.ObjType(o.kind)})
	}
	for _, name := range i.flowtables {
		conn.DelFlowtable(&nftables.Flowtable{Table: table, Name: name})
	}
}

// wake ends the dormant state of a table. The kernel does not accept that in the transaction that deletes its chains.
func (k Kernel) wake(table string) error {
	return k.change(func(conn *nftables.Conn) error {
		conn.AddTable(&nftables.Table{Name: table, Family: nftables.TableFamilyINet})
		if err := conn.Flush(); err != nil {
			return fmt.Errorf("ending the dormant state of table inet %s: %w", table, err)
		}
		return nil
	})
}

// isOutdated reports whether a transaction may have failed because another program changed the table after the
// inventory.
func (k Kernel) isOutdated(i inventory, refusal error) bool {
	if !i.isUseful() || !errors.Is(refusal, unix.ENOENT) && !errors.Is(refusal, unix.EEXIST) &&
		!errors.Is(refusal, unix.EBUSY) {
		return false
	}
	now, err := k.Generation()
	return err == nil && now != i.generation
}
