package client_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/localapi"
	"github.com/hapair-io/hapair/internal/localapi/client"
	"github.com/hapair-io/hapair/internal/replication/engine"
)

// daemon is a process with state, such as a DHCP server.
type daemon struct {
	*client.Provider
	stop func()

	mu       sync.Mutex
	state    map[string]string
	isActive bool
	taken    int
}

// startDaemon starts a daemon at a unit.
func startDaemon(u *unit) *daemon {
	d := &daemon{state: map[string]string{}}
	d.Provider = client.NewProvider(u.client(), client.ProviderConfig{
		Class: leases,
		Take: func(entries []client.Entry) {
			d.mu.Lock()
			defer d.mu.Unlock()
			clear(d.state)
			d.taken++
			for _, e := range entries {
				d.state[e.Key] = string(e.Value)
			}
		},
		Changed: func(e client.Entry) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.state[e.Key] = string(e.Value)
		},
		Removed: func(key string) {
			d.mu.Lock()
			defer d.mu.Unlock()
			delete(d.state, key)
		},
		Role: func(isActive bool) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.isActive = isActive
		},
		Snapshot: func() []client.Entry {
			d.mu.Lock()
			defer d.mu.Unlock()
			var all []client.Entry
			for key, text := range d.state {
				all = append(all, client.Entry{Key: key, Value: []byte(text), Life: time.Hour})
			}
			return all
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { d.Run(ctx) })
	d.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	u.t.Cleanup(d.stop)
	return d
}

// grant changes the state of the daemon, and publishes it. Nothing is granted while the unit is not active.
func (d *daemon) grant(key, text string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isActive {
		d.state[key] = text
		d.Put(client.Entry{Key: key, Value: []byte(text), Life: time.Hour})
	}
	return d.isActive
}

func (d *daemon) release(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.state, key)
	d.Delete(key)
}

func (d *daemon) has(want map[string]string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Equal(d.state, want)
}

// entries returns the state that a sidecar stores.
func entries(t *testing.T, u *unit) map[string]string {
	t.Helper()
	all := map[string]string{}
	for key, e := range list(t, u) {
		all[key] = string(e.Value)
	}
	return all
}

func TestProviderFollowsAndTakesOver(t *testing.T) {
	p := newPair(t, true)
	a, b := startDaemon(p.primary), startDaemon(p.secondary)
	eventually(t, "the active serves", func() bool { return a.grant("one", "1") })
	want := map[string]string{"one": "1"}
	for i := range 300 { // more changes than one batch may see
		key := fmt.Sprint(i % 40)
		a.grant(key, fmt.Sprint(i))
		want[key] = fmt.Sprint(i)
	}
	a.release("7")
	delete(want, "7")
	eventually(t, "the standby's daemon has the state", func() bool { return b.has(want) })
	if b.grant("two", "2") {
		t.Error("the standby's daemon serves")
	}

	p.switchover(p.primary, p.secondary, 2)
	eventually(t, "the new active serves", func() bool { return b.grant("two", "2") })
	want["two"] = "2"
	eventually(t, "the former active's daemon follows", func() bool { return a.has(want) })
	eventually(t, "the former active does not serve", func() bool { return !a.grant("three", "3") })
}

// A sidecar of a standby knows whether its provider has taken over the state.
func TestProviderReportsWhatItHas(t *testing.T) {
	p := newPair(t, true)
	a := startDaemon(p.primary)
	behind := p.secondary.follow()
	eventually(t, "the active serves", func() bool { return a.grant("one", "1") })
	eventually(t, "the standby misses its daemon", func() bool { return behind() != "" })
	b := startDaemon(p.secondary)
	eventually(t, "the daemon has reported the list", func() bool { return behind() == "" })
	b.stop()
	eventually(t, "the standby misses its daemon again", func() bool { return behind() != "" })
	b = startDaemon(p.secondary)
	eventually(t, "the next daemon has reported the list", func() bool { return behind() == "" })
	a.grant("two", "2")
	eventually(t, "it has the change", func() bool { return b.has(map[string]string{"one": "1", "two": "2"}) })
	eventually(t, "it has reported the change", func() bool { return p.secondary.lacking(t) == 0 })
}

func TestProviderGetsItsStateBack(t *testing.T) {
	p := newPair(t, true)
	d := startDaemon(p.primary)
	eventually(t, "the active serves", func() bool { return d.grant("one", "1") })
	eventually(t, "the sidecar has it", func() bool { return len(entries(t, p.primary)) == 1 })
	d.stop()
	restarted := startDaemon(p.primary)
	eventually(t, "the restarted daemon serves", func() bool { return restarted.grant("two", "2") })
	want := map[string]string{"one": "1", "two": "2"}
	eventually(t, "the sidecar has both", func() bool { return maps.Equal(entries(t, p.primary), want) })
	if !restarted.has(want) {
		t.Errorf("the restarted daemon has %v", restarted.state)
	}
}

// TestSidecarGetsTheStateBack restarts the server of an active. Its table is gone, and so are changes that were made
// meanwhile; the provider publishes everything again.
func TestSidecarGetsTheStateBack(t *testing.T) {
	p := newPair(t, true)
	p.primary.stop()
	active := p.newUnit("primary", "secondary", true)
	stop := active.serve()
	active.server.Become(localapi.Active, 5)
	d := startDaemon(active)
	eventually(t, "the active serves", func() bool { return d.grant("one", "1") })
	eventually(t, "the sidecar has it", func() bool { return len(entries(t, active)) == 1 })
	stop()
	eventually(t, "the provider does not serve without its sidecar", func() bool { return !d.grant("two", "2") })
	d.mu.Lock()
	d.state["meanwhile"] = "3"
	d.mu.Unlock()
	fresh := p.newUnit("primary", "secondary", true)
	active.tables = fresh.tables
	stop = active.serve()
	defer stop()
	active.server.Become(localapi.Active, 6)
	want := d.Snapshot()
	eventually(t, "the sidecar has everything", func() bool { return maps.Equal(entries(t, active), want) })
	if d.taken != 1 {
		t.Errorf("the daemon took its state %d times; the second time it had it already", d.taken)
	}
}

// Snapshot returns a copy of the state.
func (d *daemon) Snapshot() map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.state)
}

// An entry that is refused does not stop the others.
func TestRefusedEntryIsDropped(t *testing.T) {
	p := newPair(t, true)
	d := startDaemon(p.primary)
	eventually(t, "the active serves", func() bool { return d.grant("one", "1") })
	eventually(t, "the sidecar has it", func() bool { return len(entries(t, p.primary)) == 1 })
	d.Put(client.Entry{Key: "large", Value: []byte(`"` + strings.Repeat("v", 9<<10) + `"`)})
	d.Put(client.Entry{Key: "a\nb", Value: []byte("1")})
	d.grant("two", "2")
	eventually(t, "the other entry is published", func() bool {
		return slices.Equal(slices.Sorted(maps.Keys(entries(t, p.primary))), []string{"one", "two"})
	})
}

// TestTermChange checks that an active still publishes after it got a new term.
func TestTermChange(t *testing.T) {
	p := newPair(t, true)
	d := startDaemon(p.primary)
	eventually(t, "the active serves", func() bool { return d.grant("one", "1") })
	p.primary.become(engine.RoleActive, 3)
	d.grant("two", "2")
	eventually(t, "both are published", func() bool { return len(entries(t, p.primary)) == 2 })
}

// A mirror promises only what the standby has, and the mirror of the standby takes over.
func TestMirrorTakesOver(t *testing.T) {
	p := newPair(t, true)
	a, b := startMirror(p.primary), startMirror(p.secondary)
	behind := p.secondary.follow()
	eventually(t, "the active serves", func() bool { return a.Put(t.Context(), "one", []byte(`{"more":1}`)) == nil })
	if got := entries(t, p.secondary); got["one"] != `{"more":1}` {
		t.Errorf("the standby has %v when the active has promised", got)
	}
	if err := b.Put(t.Context(), "two", []byte("2")); !errors.Is(err, client.ErrNotActive) {
		t.Errorf("the standby writes: %v", err)
	}
	for _, key := range []string{"two", "ended"} {
		if err := a.Put(t.Context(), key, []byte("2")); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Delete(t.Context(), "ended"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the standby has reported everything", func() bool {
		return p.secondary.lacking(t) == 0 && behind() == ""
	})
	p.switchover(p.primary, p.secondary, 2)
	eventually(t, "the new active serves", func() bool {
		value, err := b.Get("one")
		return err == nil && string(value) == `{"more":1}`
	})
	if _, err := b.Get("ended"); !errors.Is(err, client.ErrAbsent) {
		t.Errorf("what had ended returns: %v", err)
	}
	eventually(t, "the former active refuses", func() bool {
		_, err := a.Get("one")
		return errors.Is(err, client.ErrNotActive)
	})
}

// Without the class, nobody honours after a failover what was granted before: neither the new active, nor the first one
// after it has returned.
func TestMirrorLosesWithoutTheClass(t *testing.T) {
	p := newPair(t, false)
	a, b := startMirror(p.primary), startMirror(p.secondary)
	eventually(t, "the active serves", func() bool { return a.Put(t.Context(), "one", []byte("1")) == nil })
	for term, next := range []*client.Mirror{b, a} {
		from, to := p.primary, p.secondary
		if next == a {
			from, to = to, from
		}
		from.become(engine.RoleStandby, uint64(term+2))
		to.promote(uint64(term + 2))
		eventually(t, "the new active refuses what it does not know", func() bool {
			_, err := next.Get("one")
			if err == nil {
				t.Fatal("the entry was kept without the class")
			}
			return errors.Is(err, client.ErrAbsent)
		})
	}
}

// startMirror starts a mirror at a unit.
func startMirror(u *unit) *client.Mirror {
	m := client.NewMirror(u.client(), client.MirrorConfig{Class: leases, Durable: 2 * time.Second})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { m.Run(ctx) })
	u.t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return m
}

// A process that promises an entry once it learns that it is written promises nothing that the other unit lacks.
// One that is not active is told so.
func TestDurableEntriesAreAtTheOtherUnit(t *testing.T) {
	p := newPair(t, true)
	start := func(u *unit) *client.Provider {
		d := client.NewProvider(u.client(), client.ProviderConfig{
			Class: leases, Durable: 2 * time.Second,
			Take: func([]client.Entry) {}, Changed: func(client.Entry) {}, Removed: func(string) {},
			Role: func(bool) {}, Snapshot: func() []client.Entry { return nil },
		})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { d.Run(ctx) })
		t.Cleanup(func() { cancel(); running.Wait() })
		return d
	}
	active, standby := start(p.primary), start(p.secondary)
	put := func(d *client.Provider, key string) bool {
		told := make(chan bool, 1)
		d.PutDurable(client.Entry{Key: key, Value: value(1)}, func(isWritten bool) { told <- isWritten })
		return <-told
	}
	eventually(t, "the active serves", func() bool { return put(active, "first") })
	for i := range 50 {
		key := fmt.Sprint(i)
		if isWritten := put(active, key); !isWritten || list(t, p.secondary)[key].Key == "" {
			t.Fatalf("entry %s: written %t, and the other unit has %d entries", key, isWritten, len(list(t, p.secondary)))
		}
	}
	if put(standby, "mine") {
		t.Error("the standby has written an entry")
	}
}
