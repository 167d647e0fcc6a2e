package nftables

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// gateTable is the name of the gate's tables, of the families netdev and inet.
const gateTable = "hapair_gate"

// gateTimeout bounds each exchange with the kernel. A transaction waits for those of others, of which a large ruleset
// takes the longest.
const gateTimeout = 5 * time.Second

// MAC is an Ethernet address.
type MAC = [6]byte

// Gate is the gate in nftables, for where the kernel refuses programs. What passes an open gate is told by set elements
// that time out; without them the rules pass what a closed gate passes.
//
// The tables stay when the process ends, and the elements time out without it. But a time-out is relative: it begins
// when the kernel takes it, however long ago it was reckoned. And whoever flushes all rulesets flushes the gate.
//
// It keeps one socket, opened when it is first used, in the network namespace that the calling thread is in then. To
// close a socket of nftables takes the kernel an RCU grace period after each change, some tens of milliseconds on a
// busy machine, for which an active unit would not extend its permit.
type Gate struct {
	mu     sync.Mutex
	conn   *nftables.Conn
	socket *netlink.Conn
}

// GateState is what the gate is, besides its permit.
type GateState struct {
	// Interfaces are those that the gate is on.
	Interfaces []string
	// Own are the addresses that are reached while the gate is closed.
	Own []netip.Addr
	// VirtualMACs are those that nothing is sent from while the gate is closed.
	VirtualMACs []MAC
}

// Replace makes the gate what the state says, closed, in one transaction: no packet finds none.
func (g *Gate) Replace(s GateState) error {
	return g.change("installing the gate", func(conn *nftables.Conn) error { return gateBuilder{conn}.build(s) })
}

// SetPermit opens the gate for a time that begins when the kernel takes it, or closes it.
func (g *Gate) SetPermit(interfaces []string, permit time.Duration) error {
	return g.change("moving the gate's deadline", func(conn *nftables.Conn) error {
		b := gateBuilder{conn}
		b.flushPermit()
		return b.permit(interfaces, permit)
	})
}

// SetOwn replaces the addresses that are reached while the gate is closed.
func (g *Gate) SetOwn(own []netip.Addr) error {
	return g.change("setting the addresses that the closed gate passes", func(conn *nftables.Conn) error {
		for _, list := range []string{own4, own6} {
			conn.FlushSet(&nftables.Set{Table: netdevTable(), Name: list})
		}
		return gateBuilder{conn}.addresses(own)
	})
}

// Remaining is how much longer the gate is open on the interface where it is open longest, by what the kernel says. It
// fails when the gate is not there.
func (g *Gate) Remaining() (longest time.Duration, err error) {
	err = g.exchange(func(conn *nftables.Conn) error {
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

// Verify fails when the gate is not as it was put on the interfaces: it compares how many rules each chain has, which
// finds accidents, not malice.
func (g *Gate) Verify(interfaces []string) error {
	return g.exchange(func(conn *nftables.Conn) error {
		for _, c := range gateChains(interfaces) {
			rules, err := conn.GetRules(c.chain.Table, c.chain)
			if err != nil {
				return fmt.Errorf("looking for the gate in tables %s: %w", gateTable, err)
			}
			if len(rules) != len(c.rules) {
				return fmt.Errorf("%w: chain %s of tables %s has %d rules in place of %d",
					ErrAltered, c.chain.Name, gateTable, len(rules), len(c.rules))
			}
		}
		return nil
	})
}

// Remove takes the gate away; one that is absent is removed, and where there is no nftables there is none.
func (g *Gate) Remove() error {
	for _, table := range gateTables() {
		err := g.exchange(func(conn *nftables.Conn) error {
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

// Close gives the socket back. The gate stays in the kernel.
func (g *Gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hangUp()
}

// isAbsent tells whether the kernel has no such table, no such family, or no nftables.
func isAbsent(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EPROTONOSUPPORT) || errors.Is(err, unix.EOPNOTSUPP) ||
		errors.Is(err, unix.EAFNOSUPPORT) || errors.Is(err, unix.EINVAL)
}

// exchange is one conversation with the kernel, bounded in time. One that failed ends the socket, and with it what is
// left in it of the conversation.
func (g *Gate) exchange(talk func(*nftables.Conn) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	err := g.open()
	if err == nil {
		err = g.socket.SetDeadline(time.Now().Add(gateTimeout))
	}
	if err == nil {
		err = talk(g.conn)
	}
	if err != nil {
		return errors.Join(err, g.hangUp())
	}
	return nil
}

func (g *Gate) open() (err error) {
	if g.conn != nil {
		return nil
	}
	g.conn, err = nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(socket *netlink.Conn) error {
		g.socket = socket
		return nil
	}))
	if err != nil {
		return fmt.Errorf("opening nftables: %w", err)
	}
	return nil
}

func (g *Gate) hangUp() error {
	if g.conn == nil {
		return nil
	}
	err := g.conn.CloseLasting()
	g.conn = nil
	return err
}

func (g *Gate) change(what string, queue func(*nftables.Conn) error) error {
	err := g.exchange(func(conn *nftables.Conn) error {
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

// explainGate adds to the kernel's few words what a person can do.
func explainGate(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w; the container needs the capability NET_ADMIN", err)
	case isAbsent(err):
		return fmt.Errorf("%w; the interfaces must be there, and the node's kernel be Linux 5.16 or newer with "+
			"CONFIG_NF_TABLES_NETDEV and CONFIG_NETFILTER_EGRESS", err)
	default:
		return err
	}
}

// gateBuilder writes one transaction.
type gateBuilder struct{ conn *nftables.Conn }

// build replaces both tables, closed.
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
	errs = append(errs, b.conn.SetAddElements(&nftables.Set{Table: inetTable(), Name: gated}, names), b.addresses(s.Own))
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

func (b gateBuilder) addresses(own []netip.Addr) error {
	lists := map[string][]nftables.SetElement{}
	for _, a := range own {
		list := own6
		if a.Is4() {
			list = own4
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
		{Table: netdevTable(), Name: virtualMACs, KeyType: nftables.TypeEtherAddr},
		ofInterfaces(inetTable(), permit, true),
		ofInterfaces(inetTable(), gated, false),
	}
}
