package nftables

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// gateTable is the name of the gate's two tables, one of the family netdev and one of the family inet.
const gateTable = "hapair_gate"

// gateTimeout bounds each exchange with the kernel. A transaction waits for earlier ones of other processes. A large
// ruleset takes longest.
const gateTimeout = 5 * time.Second

// MAC is an Ethernet address.
type MAC = [6]byte

// Gate is the gate in nftables, for kernels that refuse BPF programs. Set elements with a timeout open the gate.
// Without them the rules only pass what a closed gate passes.
//
// The tables stay when the process ends, and the elements still time out. Two properties are weaker than with BPF. A
// timeout is relative: it starts when the kernel processes it, however old the decision is. And a process that flushes
// the whole ruleset removes the gate. Package dataplane drops unmarked packets, so that nothing is forwarded then.
//
// The gate keeps one socket in the network namespace of the thread that first uses it.
type Gate struct{ socket socket }

// NewGate returns a gate that is not installed yet.
func NewGate() *Gate { return &Gate{socket: socket{timeout: gateTimeout}} }

// GateState is the configuration of the gate except its permit.
type GateState struct {
	// Interfaces are the interfaces that the gate guards.
	Interfaces []string
	// Own are the addresses that stay reachable while the gate is closed.
	Own []netip.Addr
	// Control are the addresses of the control plane, which nothing on a segment may use.
	Control []netip.Addr
	// VirtualMACs are the MAC addresses from which nothing is sent while the gate is closed.
	VirtualMACs []MAC
}

// Replace installs the gate, closed, in one transaction. No packet passes between the old gate and the new one.
func (g *Gate) Replace(s GateState) error {
	return g.change("installing the gate", func(conn *nftables.Conn) error { return gateBuilder{conn}.build(s) })
}

// SetPermit opens the gate for a time that starts when the kernel processes the request. A time of zero closes it.
func (g *Gate) SetPermit(interfaces []string, permit time.Duration) error {
	return g.change("moving the gate's deadline", func(conn *nftables.Conn) error {
		b := gateBuilder{conn}
		b.flushPermit()
		return b.permit(interfaces, permit)
	})
}

// SetAddresses replaces the addresses that stay reachable while the gate is closed, and those of the control plane.
func (g *Gate) SetAddresses(own, control []netip.Addr) error {
	return g.change("setting the addresses of the gate", func(conn *nftables.Conn) error {
		for _, list := range []string{own4, own6, control4, control6} {
			conn.FlushSet(&nftables.Set{Table: netdevTable(), Name: list})
		}
		b := gateBuilder{conn}
		return errors.Join(b.addresses(own, own4, own6), b.addresses(control, control4, control6))
	})
}

// Dropped returns how many packets of each kind the gate has dropped whether it was open or closed, since it was
// installed.
func (g *Gate) Dropped() (kinds map[string]uint64, err error) {
	kinds = map[string]uint64{}
	err = g.socket.change(func(conn *nftables.Conn) error {
		rules, err := conn.GetRules(netdevTable(), &nftables.Chain{Name: "in", Table: netdevTable()})
		if err != nil {
			return fmt.Errorf("reading the counters of the gate: %w", err)
		}
		for n, g := range guardedPackets() {
			if n >= len(rules) {
				return fmt.Errorf("reading the counters of the gate: %w", ErrAltered)
			}
			for _, e := range rules[n].Exprs {
				if counter, isCounter := e.(*expr.Counter); isCounter {
					kinds[g.kind] += counter.Packets
				}
			}
		}
		return nil
	})
	return kinds, err
}

// Remaining returns how much longer the kernel keeps the gate open, on the interface where it is open longest. It fails
// if the gate is absent.
func (g *Gate) Remaining() (longest time.Duration, err error) {
	err = g.socket.change(func(conn *nftables.Conn) error {
		for _, table := range gateTables() {
			elements, err := conn.GetSetElements(&nftables.Set{Table: table, Name: permit})
			if err != nil {
				return fmt.Errorf("reading the gate's deadline from tables %s: %w", gateTable, err)
			}
			for _, e := range elements {
				longest = max(longest, e.Expires)
			}
		}
		return nil
	})
	return longest, err
}

// Verify returns an error if the gate was altered on the interfaces. It compares the number of rules in each chain.
// This detects accidents but not attacks.
func (g *Gate) Verify(interfaces []string) error {
	var count map[gatePlace]int
	err := g.socket.ask(func(conn *netlink.Conn) (err error) {
		count, err = steady(func() (map[gatePlace]int, error) { return countGateRules(conn) }, maps.Equal)
		return err
	})
	if err != nil {
		return fmt.Errorf("looking for the gate in tables %s: %w", gateTable, err)
	}
	for _, c := range gateChains(interfaces) {
		found := count[gatePlace{uint8(c.chain.Table.Family), c.chain.Name}]
		if found != len(c.rules) {
			return fmt.Errorf("%w: chain %s of tables %s has %d rules in place of %d",
				ErrAltered, c.chain.Name, gateTable, found, len(c.rules))
		}
	}
	return nil
}

// gatePlace names a chain of the gate.
type gatePlace struct {
	family uint8
	chain  string
}

// countGateRules counts the rules of each chain of the gate.
func countGateRules(conn *netlink.Conn) (map[gatePlace]int, error) {
	count := map[gatePlace]int{}
	var interrupted error
	for _, table := range gateTables() {
		err := dumpTable(conn, unix.NFT_MSG_GETRULE, uint8(table.Family), gateTable, func(m message) error {
			count[gatePlace{m.family, m.text(unix.NFTA_RULE_CHAIN)}]++
			return nil
		})
		switch {
		case errors.Is(err, errInterrupted):
			interrupted = err
		case err != nil && !errors.Is(err, unix.ENOENT):
			return nil, err
		}
	}
	return count, interrupted
}

// Remove removes the gate. It succeeds if the gate is absent or the kernel has no nftables.
func (g *Gate) Remove() error {
	for _, table := range gateTables() {
		err := g.socket.change(func(conn *nftables.Conn) error {
			if _, err := conn.ListTableOfFamily(table.Name, table.Family); err != nil {
				return err
			}
			conn.DelTable(table)
			return conn.Flush()
		})
		if err != nil && !isAbsent(err) {
			return fmt.Errorf("removing table %s of the gate: %w", table.Name, err)
		}
	}
	return nil
}

// Close closes the socket. The gate stays in the kernel.
func (g *Gate) Close() error { return g.socket.close() }

// isAbsent reports whether an error means that the kernel lacks the table, the family, or nftables.
func isAbsent(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) ||
		errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EINVAL)
}

func (g *Gate) change(what string, queue func(*nftables.Conn) error) error {
	err := g.socket.change(func(conn *nftables.Conn) error {
		if err := queue(conn); err != nil {
			return err
		}
		return conn.Flush()
	})
	if err != nil {
		return fmt.Errorf("%s in tables %s: %w", what, gateTable, explainGate(err))
	}
	return nil
}

// explainGate adds the remedy to the kernel's error.
func explainGate(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w; the container needs the capability NET_ADMIN", err)
	case isAbsent(err):
		return fmt.Errorf("%w; the interfaces must exist, and the node's kernel must be Linux 5.16 or newer with "+
			"CONFIG_NF_TABLES_NETDEV and CONFIG_NETFILTER_EGRESS", err)
	default:
		return err
	}
}

// gateBuilder adds the messages of one transaction to a connection.
type gateBuilder struct{ conn *nftables.Conn }

// build replaces both tables by those of a closed gate.
func (b gateBuilder) build(s GateState) error {
	for _, table := range gateTables() {
		b.conn.AddTable(table)
		b.conn.DelTable(table)
		b.conn.AddTable(table)
	}
	var errs []error
	for _, set := range gateSets() {
		errs = append(errs, b.conn.AddSet(set, nil))
	}
	names := make([]nftables.SetElement, 0, len(s.Interfaces))
	for _, name := range s.Interfaces {
		names = append(names, nftables.SetElement{Key: interfaceName(name)})
	}
	macs := make([]nftables.SetElement, 0, len(s.VirtualMACs))
	for _, mac := range s.VirtualMACs {
		macs = append(macs, nftables.SetElement{Key: mac[:]})
	}
	errs = append(errs, b.conn.SetAddElements(&nftables.Set{Table: inetTable(), Name: gated}, names),
		b.addresses(s.Own, own4, own6), b.addresses(s.Control, control4, control6))
	if len(macs) > 0 {
		errs = append(errs, b.conn.SetAddElements(&nftables.Set{Table: netdevTable(), Name: virtualMACs}, macs))
	}
	chains := gateChains(s.Interfaces)
	for _, c := range chains {
		b.conn.AddChain(c.chain)
	}
	for _, c := range chains {
		for _, rule := range c.rules {
			b.conn.AddRule(&nftables.Rule{Table: c.chain.Table, Chain: c.chain, Exprs: rule})
		}
	}
	return errors.Join(errs...)
}

func (b gateBuilder) flushPermit() {
	for _, table := range gateTables() {
		b.conn.FlushSet(&nftables.Set{Table: table, Name: permit})
	}
}

func (b gateBuilder) permit(interfaces []string, until time.Duration) error {
	if until <= 0 {
		return nil
	}
	var elements []nftables.SetElement
	for _, name := range interfaces {
		elements = append(elements, nftables.SetElement{Key: interfaceName(name), Timeout: until})
	}
	var errs []error
	for _, table := range gateTables() {
		set := &nftables.Set{Table: table, Name: permit, HasTimeout: true}
		errs = append(errs, b.conn.SetAddElements(set, elements))
	}
	return errors.Join(errs...)
}

func (b gateBuilder) addresses(all []netip.Addr, list4, list6 string) error {
	lists := map[string][]nftables.SetElement{}
	for _, a := range all {
		list := list6
		if a.Is4() {
			list = list4
		}
		lists[list] = append(lists[list], nftables.SetElement{Key: a.AsSlice()})
	}
	var errs []error
	for name, elements := range lists {
		for chunk := range slices.Chunk(elements, elementsPerMessage) {
			errs = append(errs, b.conn.SetAddElements(&nftables.Set{Table: netdevTable(), Name: name}, chunk))
		}
	}
	return errors.Join(errs...)
}

func gateSets() []*nftables.Set {
	ofInterfaces := func(table *nftables.Table, name string, timesOut bool) *nftables.Set {
		return &nftables.Set{
			Table: table, Name: name, KeyType: nftables.TypeIFName, KeyByteOrder: binaryutil.NativeEndian,
			HasTimeout: timesOut,
		}
	}
	return []*nftables.Set{
		ofInterfaces(netdevTable(), permit, true),
		{Table: netdevTable(), Name: own4, KeyType: nftables.TypeIPAddr},
		{Table: netdevTable(), Name: own6, KeyType: nftables.TypeIP6Addr},
		{Table: netdevTable(), Name: control4, KeyType: nftables.TypeIPAddr},
		{Table: netdevTable(), Name: control6, KeyType: nftables.TypeIP6Addr},
		{Table: netdevTable(), Name: virtualMACs, KeyType: nftables.TypeEtherAddr},
		ofInterfaces(inetTable(), permit, true),
		ofInterfaces(inetTable(), gated, false),
	}
}
