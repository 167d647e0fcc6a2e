package dynamicrouting

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// table has the records of the routes on one unit. On the active they follow the kernel. On the standby they are what
// the active sent.
//
// Each operation first reads the events that wait. The kernel queues the event of a request before it answers it, so
// the records then include everything that was done before.
type table struct {
	devices []string
	// hold is how long a route is kept that no routing protocol confirms.
	hold   time.Duration
	began  time.Time
	kernel *rtnetlink.Conn
	events *rtnetlink.RouteEvents

	mu      sync.Mutex
	links   map[string]rtnetlink.Link
	records map[key]*record
	watches map[*watch]struct{}
	// isOpen is set once the held routes are read that an earlier life of the process has left.
	isOpen bool
	// isStandby is set while the records are those of the active. Learned routes of the kernel do not change them then.
	isStandby bool
	// mustRestore is set when missing held routes can be written again.
	mustRestore bool
	// nextExpiry is when a record may expire; zero if none will.
	nextExpiry time.Duration
	// failed is why the table can no longer follow the kernel.
	failed error
}

// record is a route of the active.
type record struct {
	// data is the encoded value.
	data []byte
	// isLearned is set if a routing protocol of this active unit has the route in the kernel now.
	isLearned bool
	// isHeld is set if the unit has a held route for it, or should have one. It isMissing while the kernel has none.
	isHeld, isMissing bool
	// expiry is when the record of an active unit ends unless a protocol confirms it; zero on a standby.
	expiry time.Duration
}

// follow keeps the records up to date until the receiver is closed.
func (t *table) follow() {
	for {
		if err := t.events.Wait(); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
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

// update reads the events that wait, writes missing held routes again, and ends records that have expired. The caller
// holds the lock.
func (t *table) update() error {
	if t.failed != nil {
		return t.failed
	}
	err := t.readEvents()
	if err == nil {
		t.restore()
		err = t.expire()
	}
	if err != nil {
		t.failed = err
		for w := range t.watches {
			w.wake.Notify()
		}
	}
	return err
}

func (t *table) readEvents() error {
	var events []rtnetlink.RouteEvent
	linksChanged, err := t.events.Read(contract.DataPlaneTable, func(e rtnetlink.RouteEvent) {
		if e.Protocol == contract.HeldProtocol || contract.IsLearned(e.Protocol) {
			events = append(events, e)
		}
	})
	isOverrun := errors.Is(err, rtnetlink.ErrOverrun)
	if err != nil && !isOverrun {
		return err
	}
	// First the interfaces: a protocol withdraws the routes of one that is down.
	if linksChanged || isOverrun {
		if err := t.readLinks(); err != nil {
			return err
		}
	}
	if !isOverrun {
		for _, e := range events {
			t.observe(e)
		}
	}
	if isOverrun {
		for w := range t.watches {
			w.overrun()
		}
	}
	if linksChanged || isOverrun {
		return t.reread()
	}
	return nil
}

// observe updates the record of one route.
func (t *table) observe(e rtnetlink.RouteEvent) {
	k := keyOf(e.MultipathRoute)
	r := t.records[k]
	switch {
	case e.Protocol == contract.HeldProtocol:
		if r != nil && r.isHeld && e.Deleted {
			r.isMissing, t.mustRestore = true, true
		}
	case t.isStandby:
	case !e.Deleted:
		if r != nil {
			t.release(k, r)
		}
		t.learn(k, e.MultipathRoute)
	case r != nil && r.isLearned:
		t.withdraw(k, r, e.MultipathRoute)
	}
}

// learn records a route that a routing protocol has in the kernel of the active. While the unit still has a held route
// for it, that counts: the other may be a remainder of an earlier life of the protocol, which is about to be removed.
func (t *table) learn(k key, in rtnetlink.MultipathRoute) {
	v, isReplicated := t.valueOf(in)
	if !isReplicated {
		t.forget(k)
		return
	}
	r, data := t.records[k], v.encode()
	if r == nil {
		if len(t.records) >= maxRoutes {
			return
		}
		r = &record{}
		t.records[k] = r
	}
	r.isLearned = true
	if r.isHeld {
		return
	}
	r.expiry = 0
	if !bytes.Equal(r.data, data) {
		r.data = data
		t.notify(k)
	}
}

// withdraw records that a route is gone from the kernel of the active, or some of its next hops.
func (t *table) withdraw(k key, r *record, gone rtnetlink.MultipathRoute) {
	before, err := parseValue(r.data)
	lost, isKnown := t.valueOf(gone)
	if left := before.without(lost.hops); err == nil && isKnown && !r.isHeld && len(left.hops) > 0 {
		r.data = left.encode()
		t.notify(k)
		return
	}
	t.lose(k, r)
}

// lose ends the record of a route that the kernel of the active no longer has. If an interface is down, that may be why
// it has gone, and the standby may be about to take over.
func (t *table) lose(k key, r *record) {
	v, err := parseValue(r.data)
	switch {
	case r.isHeld:
		r.isLearned = false
	case err == nil && t.isDown(v):
		r.isLearned = false
		t.expireLater(r)
	default:
		t.forget(k)
	}
}

// forget removes a record and its held route.
func (t *table) forget(k key) {
	if r := t.records[k]; r != nil {
		t.release(k, r)
		delete(t.records, k)
		t.notify(k)
	}
}

func (t *table) notify(k key) {
	for w := range t.watches {
		w.add(t.change(k))
	}
}

// reread compares the records with all routes of the kernel.
func (t *table) reread() error {
	present, err := t.kernel.MultipathRoutes(contract.DataPlaneTable)
	if err != nil {
		return err
	}
	learned, held := map[key]bool{}, map[key]bool{}
	for _, in := range present {
		switch k := keyOf(in); {
		case in.Protocol == contract.HeldProtocol:
			t.adoptHeld(k, in)
			held[k] = true
		case contract.IsLearned(in.Protocol) && !t.isStandby:
			learned[k] = true
			t.learn(k, in)
		}
	}
	for k, r := range t.records {
		switch {
		case r.isLearned && !learned[k]:
			t.lose(k, r)
		case r.isHeld && !held[k]:
			r.isMissing = true
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
			return fmt.Errorf("reading interfaces: %w", err)
		}
		links[device] = link
	}
	t.links = links
	return nil
}

func (t *table) nameOf(index int) (string, bool) {
	for _, link := range t.links {
		if link.Index == index {
			return link.Name, true
		}
	}
	return "", false
}

// sorted returns the keys of all records, in an order that is the same on both units.
func (t *table) sorted() []key {
	keys := make([]key, 0, len(t.records))
	for k := range t.records {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(a.to.Addr().Compare(b.to.Addr()), cmp.Compare(a.to.Bits(), b.to.Bits()),
			cmp.Compare(a.metric, b.metric))
	})
	return keys
}
