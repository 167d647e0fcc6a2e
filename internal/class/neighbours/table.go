package neighbours

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/state"
)

// table has the records of the entries of one class on one unit. On the active they follow the kernel. On the standby
// they are what the active sent.
//
// Each operation first reads the events that wait. The kernel queues the event of a request before it answers it, so
// the records then include everything that was done before.
type table struct {
	id      state.Class
	kind    kind
	devices []string
	limit   int
	kernel  *rtnetlink.Conn
	events  *rtnetlink.NeighbourEvents

	mu      sync.Mutex
	links   map[string]rtnetlink.Link
	records map[key]*record
	watches map[*watch]struct{}
	// standby is set while the records are those of the active. The kernel's entries do not change them then.
	standby bool
	// mustRestore is set when missing entries can be written again.
	mustRestore bool
	// failed is why the table can no longer follow the kernel.
	failed error
}

// record is an entry that this unit's kernel has, or should have.
type record struct {
	value
	// missing is set while the kernel does not have the entry.
	missing bool
}

// open reads the entries that the kernel has.
func (t *table) open() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.readLinks(); err != nil {
		return err
	}
	return t.reread()
}

// follow keeps the records up to date until the receiver is closed.
func (t *table) follow() {
	for t.events.Wait() == nil {
		if t.synchronize() != nil {
			return
		}
	}
}

// synchronize brings the records up to date.
func (t *table) synchronize() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.update()
}

// update reads the events that wait, and writes again what a flush has removed. The caller holds the lock.
func (t *table) update() error {
	if t.failed != nil {
		return t.failed
	}
	if err := t.readEvents(); err != nil {
		t.failed = err
		for w := range t.watches {
			w.signal()
		}
		return err
	}
	t.restore()
	return nil
}

func (t *table) readEvents() error {
	var events []rtnetlink.NeighbourEvent
	linksChanged, err := t.events.Read(func(e rtnetlink.NeighbourEvent) { events = append(events, e) })
	isOverrun := errors.Is(err, rtnetlink.ErrOverrun)
	if err != nil && !isOverrun {
		return err
	}
	before := t.links
	if linksChanged || isOverrun || slices.ContainsFunc(events, isLoss) {
		if err := t.readLinks(); err != nil {
			return err
		}
		t.mustRestore = t.mustRestore || linksChanged
	}
	if isOverrun {
		for w := range t.watches {
			w.overrun()
		}
		return t.reread()
	}
	for _, e := range events {
		t.observe(e, before)
	}
	return nil
}

// isLoss reports whether the kernel removed an entry on its own account: in a flush, or because it needed room.
func isLoss(e rtnetlink.NeighbourEvent) bool { return e.Deleted && e.State != rtnetlink.Failed }

// observe updates the record of one entry.
func (t *table) observe(e rtnetlink.NeighbourEvent, before map[string]rtnetlink.Link) {
	link, ok := t.linkOf(e.Interface)
	if !ok {
		return
	}
	k := key{link.Name, e.Address}
	v, isReplicated := t.kind.valueOf(e.Neighbour, link)
	switch {
	case isLoss(e) && (t.kind.isLasting() || isFlushed(before[link.Name], link) || t.isWithdrawn(link, e.Address)):
		t.lose(k)
		t.mustRestore = true
	case isReplicated && !e.Deleted:
		t.learn(k, v)
	case e.State&rtnetlink.Incomplete != 0: // The kernel asks for the address: it is neither known nor lost.
	default:
		t.forget(k)
	}
}

// isFlushed reports whether a change of an interface made the kernel flush it.
func isFlushed(before, now rtnetlink.Link) bool { return !now.Up || now.MAC != before.MAC }

// isWithdrawn reports whether the unit has just lost the last address of a family on an interface. The kernel then
// flushes the interface. That happens when a unit gives the role away, and its peer must keep the entries.
func (t *table) isWithdrawn(link rtnetlink.Link, of netip.Addr) bool {
	if t.standby {
		return false
	}
	all, err := t.kernel.AddressTable()
	return err == nil && !slices.ContainsFunc(all, func(a rtnetlink.Address) bool {
		return a.Index == link.Index && a.Prefix.Addr().Is4() == of.Is4()
	})
}

// learn records an entry that the kernel has.
func (t *table) learn(k key, v value) {
	r := t.records[k]
	switch {
	case t.standby:
		if r != nil {
			r.missing = r.value != v
		}
	case r != nil && r.value == v:
		r.missing = false
	case r != nil || len(t.records) < t.limit:
		t.records[k] = &record{value: v}
		t.notify(state.Change{Class: t.id, Op: state.Upsert, Key: k.encode(), Record: v.encode()})
	}
}

// lose records that the kernel does not have an entry that it should have.
func (t *table) lose(k key) {
	if r := t.records[k]; r != nil {
		r.missing = true
	}
}

// forget removes the record of an entry that is no longer one of the class. An entry that a flush removed stays, even
// if the kernel has meanwhile learned another one for its address.
func (t *table) forget(k key) {
	r := t.records[k]
	switch {
	case r == nil || r.missing:
	case t.standby:
		r.missing = true
	default:
		delete(t.records, k)
		t.notify(state.Change{Class: t.id, Op: state.Delete, Key: k.encode()})
	}
}

func (t *table) notify(change state.Change) {
	for w := range t.watches {
		w.add(change)
	}
}

// reread compares the records with all entries of the kernel.
func (t *table) reread() error {
	present, err := t.kernel.Neighbours()
	if err != nil {
		return err
	}
	found := map[key]bool{}
	for _, n := range present {
		link, ok := t.linkOf(n.Interface)
		if !ok {
			continue
		}
		if v, isReplicated := t.kind.valueOf(n, link); isReplicated {
			k := key{link.Name, n.Address}
			found[k] = true
			t.learn(k, v)
		}
	}
	for k := range t.records {
		if !found[k] {
			t.forget(k)
		}
	}
	t.mustRestore = true
	return nil
}

// readLinks looks up the traffic interfaces. One that does not exist is left out.
func (t *table) readLinks() error {
	links := make(map[string]rtnetlink.Link, len(t.devices))
	for _, device := range t.devices {
		link, err := t.kernel.Link(device)
		if errors.Is(err, unix.ENODEV) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading neighbours: %w", err)
		}
		links[device] = link
	}
	t.links = links
	return nil
}

func (t *table) linkOf(index int) (rtnetlink.Link, bool) {
	for _, link := range t.links {
		if link.Index == index {
			return link, true
		}
	}
	return rtnetlink.Link{}, false
}

// sorted returns the keys of all records, in an order that is the same on both units.
func (t *table) sorted() []key {
	keys := make([]key, 0, len(t.records))
	for k := range t.records {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.device, b.device), a.address.Compare(b.address))
	})
	return keys
}
