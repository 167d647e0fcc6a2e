package gate

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/notify"
)

// kernel holds two interfaces in memory, and a barrier for them.
type kernel struct {
	Kernel // what a barrier of the real kernel needs, and this one does not
	now    func() time.Duration

	mu        sync.Mutex
	links     map[string]rtnetlink.Link
	addresses []rtnetlink.Address
	guarded   []int
	own       []netip.Addr
	control   []netip.Addr
	deadlines deadline
	until     time.Duration // what the kernel has
	moves     int
	fails     error
	// asked counts lookups of interfaces. during is called at each.
	asked  int
	during func()
	// resolutions are how interfaces ask for neighbours, by their indexes. unresolvable makes the kernel refuse that.
	resolutions  map[int]rtnetlink.Resolution
	unresolvable bool
}

func newKernel(now func() time.Duration) *kernel {
	return &kernel{
		now: now, resolutions: map[int]rtnetlink.Resolution{},
		links: map[string]rtnetlink.Link{
			"lan": {Index: 1, Name: "lan", MAC: rtnetlink.MAC{2, 0, 0, 0, 0, 1}},
			"wan": {Index: 2, Name: "wan", MAC: rtnetlink.MAC{2, 0, 0, 0, 0, 2}},
		},
		addresses: []rtnetlink.Address{
			{Index: 7, Prefix: netip.MustParsePrefix("127.0.0.1/8")},
			{Index: 1, Prefix: netip.MustParsePrefix("192.0.2.2/24")},
			{Index: 8, Prefix: netip.MustParsePrefix("10.244.1.5/24")},
		},
	}
}

func (k *kernel) do(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f()
}

func (k *kernel) Link(name string) (l rtnetlink.Link, err error) {
	k.do(func() {
		k.asked++
		if k.during != nil {
			k.during()
		}
		var ok bool
		if l, ok = k.links[name]; !ok {
			err = errors.New("no such device: " + name)
		}
	})
	return l, err
}

func (k *kernel) AddressTable() (all []rtnetlink.Address, err error) {
	k.do(func() { all = slices.Clone(k.addresses) })
	return all, nil
}

func (k *kernel) ReversePathFilter() (uint32, error) { return 0, nil }

func (k *kernel) SetResolution(index int, r rtnetlink.Resolution) error {
	var err error
	k.do(func() {
		if k.unresolvable {
			err = fmt.Errorf("refused for interface %d", index)
			return
		}
		k.resolutions[index] = r
	})
	return err
}

func (k *kernel) SetDevconf(index int, d rtnetlink.Devconf) error {
	k.do(func() {
		for name, l := range k.links {
			if l.Index == index {
				l.IPv4 = d
				k.links[name] = l
			}
		}
	})
	return nil
}

func (k *kernel) fence() contract.Fence { return contract.FenceBPF }

func (k *kernel) install(links []rtnetlink.Link) error {
	k.do(func() {
		k.guarded = nil
		for _, l := range links {
			k.guarded = append(k.guarded, l.Index)
		}
	})
	return nil
}

func (k *kernel) installed(links []rtnetlink.Link) (err error) {
	k.do(func() {
		for _, l := range links {
			if !slices.Contains(k.guarded, l.Index) {
				err = errors.New("no gate on " + l.Name)
			}
		}
	})
	return err
}

func (k *kernel) dropped() (map[string]uint64, error) { return nil, nil }

func (k *kernel) setAddresses(own, control []netip.Addr) error {
	k.do(func() { k.own, k.control = own, control })
	return nil
}

func (k *kernel) setDeadline(until time.Duration) (wrong, err error) {
	k.do(func() {
		if err = k.fails; err == nil {
			k.deadlines.until = until
			k.until = k.deadlines.effective()
			k.moves++
		}
	})
	return nil, err
}

func (k *kernel) suspend() error { return k.count(false) }
func (k *kernel) resume() error  { return k.count(true) }

func (k *kernel) count(counts bool) (err error) {
	k.do(func() {
		if err = k.fails; err == nil {
			k.deadlines.counts = counts
			k.until = k.deadlines.effective()
		}
	})
	return err
}

func (k *kernel) isSuspended() (suspended bool) {
	k.do(func() { suspended = !k.deadlines.counts })
	return suspended
}

func (k *kernel) checkOpen() (err error) {
	k.do(func() {
		if k.now() >= k.until {
			err = errors.New("closed")
		}
	})
	return err
}

func (k *kernel) restore() (wrong, err error) { return nil, nil }

func (k *kernel) follow(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return nil
}

func (k *kernel) close() error { return nil }

func (k *kernel) deadline() (until time.Duration) {
	k.do(func() { until = k.until })
	return until
}

// replace replaces an interface by another one of the same name.
func (k *kernel) replace(name string, index int) {
	k.do(func() {
		k.links[name] = rtnetlink.Link{Index: index, Name: name, MAC: rtnetlink.MAC{2, 0, 0, 0, 0, byte(index)}}
	})
}

// inBubble runs the test with a gate that uses the bubble's clock and is watched.
func inBubble(t *testing.T, do func(t *testing.T, g *Gate, k *kernel, now func() time.Duration)) {
	synctest.Test(t, func(t *testing.T) {
		epoch := time.Now()
		now := func() time.Duration { return time.Hour + time.Since(epoch) }
		k := newKernel(now)
		g, err := newGate(Options{
			Interfaces: []string{"lan", "wan"}, Virtual: []netip.Addr{netip.MustParseAddr("192.0.2.1")},
			Kernel: k, Now: now, Log: logr.Discard(),
		}, func(Options) (barrier, error) { return k, nil })
		if err != nil {
			t.Fatal(err)
		}
		if err := g.SetRulesInForce(true); err != nil {
			t.Fatal(err)
		}
		defer inBackground(t, g.watchDeadline)()
		do(t, g, k, now)
	})
}

// inBackground runs what ends with its context, and returns what ends it and waits for that.
func inBackground(t *testing.T, run func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// keep keeps the gate in place until stop is called, and returns after the first inspection.
func keep(t *testing.T, g *Gate) (stop func()) {
	stop = inBackground(t, func(ctx context.Context) { g.keep(ctx, notify.New()) })
	time.Sleep(inspectInterval + time.Millisecond)
	synctest.Wait()
	return stop
}

// set sets the deadline of a gate, which must succeed.
func set(t *testing.T, g *Gate, until time.Duration) {
	t.Helper()
	if err := g.Set(t.Context(), Config{Until: until}); err != nil {
		t.Fatal(err)
	}
}

func TestIsInstalledClosed(t *testing.T) {
	inBubble(t, func(t *testing.T, g *Gate, k *kernel, _ func() time.Duration) {
		if err := k.installed([]rtnetlink.Link{{Index: 1}, {Index: 2}}); err != nil {
			t.Error(err)
		}
		if g.CheckOpen() == nil || g.Permitted() || k.deadline() != 0 {
			t.Error("a new gate is open")
		}
		if !slices.Equal(k.own, []netip.Addr{netip.MustParseAddr("192.0.2.2")}) {
			t.Errorf("passes %v while closed", k.own)
		}
		if !slices.Equal(k.control, []netip.Addr{netip.MustParseAddr("10.244.1.5")}) {
			t.Errorf("protects %v", k.control)
		}
		for _, l := range k.links {
			if l.IPv4 != settings {
				t.Errorf("%s is set to %+v", l.Name, l.IPv4)
			}
		}
	})
}

// A new active knows no neighbour. At the kernel's default, a question that is lost is repeated after a second, during
// which no packet is answered.
func TestLostQuestionsForNeighboursAreRepeatedBeforeAGapIsNoticed(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *Gate, k *kernel, _ func() time.Duration) {
		k.do(func() {
			for _, l := range k.links {
				if got := k.resolutions[l.Index]; got.Interval <= 0 || got.Interval > 100*time.Millisecond || got.Requests < 10 {
					t.Errorf("%s asks with %+v", l.Name, got)
				}
			}
		})
	})
}

// Only a firewall that drops the unit's own addresses lets the kernel accept them, whatever the node filters.
func TestKernelAcceptsOwnSourcesWhereTheFirewallDropsThem(t *testing.T) {
	for _, filter := range []uint32{0, 1, 2} {
		if got := settingsUnder(filter, true).AcceptLocal; got != 1 {
			t.Errorf("with a check and filter %d: accept_local is %d", filter, got)
		}
		if got := settingsUnder(filter, false).AcceptLocal; got != 0 {
			t.Errorf("without a check and filter %d: accept_local is %d", filter, got)
		}
	}
}

func TestDeadlineMoves(t *testing.T) {
	inBubble(t, func(t *testing.T, g *Gate, k *kernel, now func() time.Duration) {
		start := now()
		for _, step := range []struct{ at, until time.Duration }{
			{0, 2 * time.Second},                               // opened
			{1 * time.Second, 4 * time.Second},                 // extended
			{1500 * time.Millisecond, 3 * time.Second},         // shortened
			{10 * time.Second, 11 * time.Second},               // opened again after it has closed
			{11 * time.Second, 11*time.Second + time.Second},   // at the very deadline
			{11 * time.Second, 11*time.Second + 2*time.Minute}, // repeated
		} {
			time.Sleep(start + step.at - now())
			for range 2 {
				if err := g.Set(t.Context(), Config{Until: start + step.until}); err != nil {
					t.Fatalf("at %s: %v", step.at, err)
				}
			}
			if got := k.deadline(); got != start+step.until {
				t.Fatalf("at %s: the deadline is %s instead of %s", step.at, got-start, step.until)
			}
			if err := g.CheckOpen(); err != nil || !g.Permitted() {
				t.Errorf("at %s: %v", step.at, err)
			}
		}
		for range 2 {
			if err := g.Set(t.Context(), Config{}); err != nil || k.deadline() != 0 || g.CheckOpen() == nil || g.Permitted() {
				t.Errorf("closed: %v, deadline %s", err, k.deadline())
			}
		}
	})
}

func TestPastDeadlineClosesAndFails(t *testing.T) {
	inBubble(t, func(t *testing.T, g *Gate, k *kernel, now func() time.Duration) {
		set(t, g, now()+time.Minute)
		if err := g.Set(t.Context(), Config{Until: now()}); !errors.Is(err, errPassed) {
			t.Errorf("opened too late: %v", err)
		}
		if k.deadline() != 0 || g.CheckOpen() == nil {
			t.Error("open past the deadline")
		}
	})
}

// The watcher logs once that the deadline has passed, and clears it in the kernel.
func TestDeadlinePasses(t *testing.T) {
	inBubble(t, func(t *testing.T, g *Gate, k *kernel, now func() time.Duration) {
		set(t, g, now()+time.Second)
		time.Sleep(999 * time.Millisecond)
		if err := g.CheckOpen(); err != nil || k.deadline() == 0 {
			t.Errorf("closed too early: %v", err)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if k.deadline() != 0 || g.CheckOpen() == nil {
			t.Error("the deadline stays in the kernel")
		}
		moves := k.moves
		time.Sleep(time.Minute)
		if k.moves != moves {
			t.Errorf("closed %d times more", k.moves-moves)
		}
	})
}

// TestMachineStoppedWithItsClock stops the kernel's clock, and with it the machine. The gate learns of it from the
// unit's clock, which is ahead from then on: a deadline that has passed closes it, another one is set again.
func TestMachineStoppedWithItsClock(t *testing.T) {
	for name, test := range map[string]struct{ stopped, until time.Duration }{
		"beyond the deadline": {3 * time.Second, 0},
		"for a moment":        {300 * time.Millisecond, time.Hour + 450*time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			ahead := atomic.Int64{}
			synctest.Test(t, func(t *testing.T) {
				epoch := time.Now()
				kernelClock := func() time.Duration { return time.Hour + time.Since(epoch) }
				k := newKernel(kernelClock)
				g, err := newGate(Options{
					Interfaces: []string{"lan"}, Kernel: k, Log: logr.Discard(),
					Now:   func() time.Duration { return kernelClock() + time.Duration(ahead.Load()) },
					Ahead: func() time.Duration { return time.Duration(ahead.Load()) },
				}, func(Options) (barrier, error) { return k, nil })
				if err != nil {
					t.Fatal(err)
				}
				defer inBackground(t, g.watchDeadline)()
				if err := errors.Join(
					g.SetRulesInForce(true), g.Set(t.Context(), Config{Until: time.Hour + 450*time.Millisecond}),
				); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				k.do(func() { k.until = 42 }) // What the kernel still has means another instant now.
				ahead.Store(int64(test.stopped))
				time.Sleep(stopInterval)
				synctest.Wait()
				if got := k.deadline(); got != test.until {
					t.Errorf("after a stop for %s the kernel has the deadline %s instead of %s", test.stopped, got, test.until)
				}
			})
		})
	}
}

func TestRefusalByTheKernelIsReportedAndRetried(t *testing.T) {
	inBubble(t, func(t *testing.T, g *Gate, k *kernel, now func() time.Duration) {
		set(t, g, now()+time.Second)
		refusal := errors.New("no buffer space available")
		k.do(func() { k.fails = refusal })
		for _, until := range []time.Duration{0, now() + 2*time.Second} {
			if err := g.Set(t.Context(), Config{Until: until}); !errors.Is(err, refusal) {
				t.Errorf("until %s: %v", until, err)
			}
		}
		time.Sleep(1001 * time.Millisecond)
		k.do(func() { k.fails = nil })
		time.Sleep(watchInterval)
		synctest.Wait()
		if k.deadline() != 0 {
			t.Error("the watchman did not try again")
		}
	})
}

// A missing interface is an error, and one that came back gets its gate before anything is opened.
func TestInterfaceGoesAndComesBack(t *testing.T) {
	inBubble(t, func(t *testing.T, g *Gate, k *kernel, now func() time.Duration) {
		open := func() error { return g.Set(t.Context(), Config{Until: now() + time.Second}) }
		if err := open(); err != nil {
			t.Fatal(err)
		}
		k.do(func() { delete(k.links, "wan") })
		if err := g.CheckOpen(); err == nil {
			t.Error("open without an interface")
		}
		if _, err := g.inspect(); err == nil {
			t.Error("a missing interface goes unnoticed")
		}
		if err := open(); err == nil || k.deadline() != 0 {
			t.Errorf("opened without an interface: %v, deadline %s", err, k.deadline())
		}
		k.replace("wan", 7)
		if err := open(); err != nil {
			t.Errorf("with the interface back: %v", err)
		}
		if err := g.CheckOpen(); err != nil || !slices.Equal(k.guarded, []int{1, 7}) {
			t.Errorf("with the interface back: %v, on %v", err, k.guarded)
		}
		k.do(func() { k.guarded = nil })
		if _, err := g.inspect(); err != nil || len(k.guarded) != 2 {
			t.Errorf("a gate that was taken away is not put back: %v", err)
		}
	})
}

// A released gate stays as it is.
func TestReleased(t *testing.T) {
	inBubble(t, func(t *testing.T, g *Gate, k *kernel, now func() time.Duration) {
		until := now() + time.Second
		set(t, g, until)
		for range 2 {
			if err := g.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := g.Set(t.Context(), Config{}); !errors.Is(err, errReleased) || !errors.Is(g.CheckOpen(), errReleased) {
			t.Errorf("set after that: %v", err)
		}
		if k.deadline() != until {
			t.Error("giving it back has moved the deadline")
		}
	})
}

// Without rules the gate is closed whatever its deadline, and with them it is open until the deadline of the last Set.
func TestGateIsClosedWithoutRules(t *testing.T) {
	inBubble(t, func(t *testing.T, g *Gate, k *kernel, now func() time.Duration) {
		rules := func(inForce bool) {
			t.Helper()
			for range 2 {
				if err := g.SetRulesInForce(inForce); err != nil {
					t.Error(err)
				}
			}
		}
		set(t, g, now()+time.Second)
		rules(false)
		if err := g.CheckOpen(); k.deadline() != 0 || !errors.Is(err, errNoRules) || !g.Permitted() {
			t.Errorf("without rules: %v, until %s", err, k.deadline())
		}
		until := now() + 2*time.Second
		set(t, g, until)
		if k.deadline() != 0 {
			t.Error("an extension opens the gate without rules")
		}
		rules(true)
		if err := g.CheckOpen(); k.deadline() != until || err != nil {
			t.Errorf("with rules again: %v, until %s instead of %s", err, k.deadline(), until)
		}
		rules(false)
		set(t, g, 0)
		rules(true)
		if k.deadline() != 0 || g.CheckOpen() == nil {
			t.Error("rules open a gate that is to be closed")
		}
		set(t, g, now()+time.Second)
		rules(false)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		rules(true)
		if k.deadline() != 0 || g.CheckOpen() == nil {
			t.Error("rules open a gate past its deadline")
		}
	})
}

// A new gate has no rules, and a gate that was removed needs a new verification before it opens.
func TestRepairedGateWaitsForAVerification(t *testing.T) {
	inBubble(t, func(t *testing.T, g *Gate, k *kernel, now func() time.Duration) {
		if err := errors.Join(g.SetRulesInForce(false), g.Set(t.Context(), Config{Until: now() + time.Second})); err != nil {
			t.Error(err)
		}
		k.do(func() { k.guarded = nil })
		if err := g.SetRulesInForce(true); !errors.Is(err, ErrRepaired) || k.deadline() != 0 || len(k.guarded) != 2 {
			t.Errorf("after the repair: %v, until %s", err, k.deadline())
		}
		if err := g.SetRulesInForce(true); err != nil || g.CheckOpen() != nil {
			t.Errorf("after the second verification: %v", err)
		}
	})
}

// Run reports what was wrong with a gate that was put back.
func TestRepairsAreReported(t *testing.T) {
	inBubble(t, func(t *testing.T, g *Gate, k *kernel, now func() time.Duration) {
		var found []string
		stop := inBackground(t, func(ctx context.Context) {
			g.reportRepairs(ctx, func(wrong error) { found = append(found, wrong.Error()) })
		})
		set(t, g, now()+time.Second)
		synctest.Wait()
		if len(found) > 0 {
			t.Errorf("nothing was wrong: %q", found)
		}
		k.do(func() { k.guarded = nil })
		if _, err := g.inspect(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		stop()
		if !slices.Equal(found, []string{"no gate on wan"}) {
			t.Errorf("reported %q", found)
		}
	})
}

// Extending an open gate only sets the new deadline.
func TestExtendingInspectsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, g *Gate, k *kernel, now func() time.Duration) {
		set(t, g, now()+time.Second)
		k.do(func() { k.links = nil })
		if err := g.Set(t.Context(), Config{Until: now() + 2*time.Second}); err != nil {
			t.Errorf("extending waits for the interfaces: %v", err)
		}
	})
}

// Opening a gate that was inspected a moment ago asks the kernel nothing, which may hold a lock for long. It does if
// something has changed since, if the inspection found something missing, or if the next one is overdue.
func TestOpeningReliesOnTheLastInspection(t *testing.T) {
	for name, c := range map[string]struct {
		before func(g *Gate, k *kernel)
		asks   bool
	}{
		"at rest":        {before: func(*Gate, *kernel) {}},
		"after a change": {before: func(g *Gate, _ *kernel) { g.last.changed() }, asks: true},
		"after a change during an inspection": {asks: true, before: func(g *Gate, k *kernel) {
			k.do(func() { k.during = g.last.changed })
			time.Sleep(inspectInterval)
			synctest.Wait()
			k.do(func() { k.during = nil })
		}},
		"while an interface is missing": {asks: true, before: func(_ *Gate, k *kernel) {
			k.do(func() { delete(k.links, "wan") })
			time.Sleep(inspectInterval)
			synctest.Wait()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, g *Gate, k *kernel, now func() time.Duration) {
				stop := keep(t, g)
				c.before(g, k)
				asked := 0
				k.do(func() { asked = k.asked })
				_ = g.Set(t.Context(), Config{Until: now() + time.Second})
				k.do(func() { asked = k.asked - asked })
				if asks := asked > 0; asks != c.asks {
					t.Errorf("asked the kernel %d times", asked)
				}
				stop()
				if g.last.counts(now()) {
					t.Error("the last inspection counts although nobody inspects any more")
				}
			})
		})
	}
}

// What was opened on the word of an inspection and is missing nevertheless is found by CheckOpen, and put back soon.
func TestCheckOpenFindsWhatOpeningDidNotLookFor(t *testing.T) {
	inBubble(t, func(t *testing.T, g *Gate, k *kernel, now func() time.Duration) {
		stop := keep(t, g)
		k.do(func() { k.guarded = nil })
		set(t, g, now()+time.Minute)
		if err := g.CheckOpen(); err == nil {
			t.Error("a missing gate goes unnoticed")
		}
		time.Sleep(2 * inspectPause)
		synctest.Wait()
		if err := g.CheckOpen(); err != nil {
			t.Errorf("a missing gate was not put back: %v", err)
		}
		stop()
	})
}

func TestOwnAndControlAddresses(t *testing.T) {
	links := []rtnetlink.Link{{Index: 1}, {Index: 2}}
	var all []rtnetlink.Address
	for text, index := range map[string]int{
		"2001:db8::2/64": 1, "127.0.0.1/8": 9, "::1/128": 9, "192.0.2.2/24": 1, "192.0.2.1/24": 1, "2001:db8::1/64": 1,
		"10.0.0.1/8": 2, "192.0.2.2/32": 2, "fe80::2/64": 1, "10.244.1.5/32": 3, "fd00::5/64": 3, "fe80::5/64": 3,
	} {
		all = append(all, rtnetlink.Address{Index: index, Prefix: netip.MustParsePrefix(text)})
	}
	virtual := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
	for name, c := range map[string]struct {
		got  []netip.Addr
		want []string
	}{
		"own":     {ownAddresses(all, links, virtual), []string{"10.0.0.1", "192.0.2.2", "2001:db8::2", "fe80::2"}},
		"control": {controlAddresses(all, links), []string{"10.244.1.5", "fd00::5"}},
	} {
		var want []netip.Addr
		for _, text := range c.want {
			want = append(want, netip.MustParseAddr(text))
		}
		if !slices.Equal(c.got, want) {
			t.Errorf("%s: %v instead of %v", name, c.got, want)
		}
	}
}

// What cannot be set on several interfaces is logged once, although it is tried again and again.
func TestUnresolvableInterfacesAreLoggedWhenThatChanges(t *testing.T) {
	k, lines := newKernel(nil), 0
	log := funcr.New(func(string, string) { lines++ }, funcr.Options{})
	h := &host{options: Options{Kernel: k, Interfaces: []string{"lan", "wan"}, Log: log}}
	for i, step := range []struct {
		unresolvable bool
		want         int
	}{{false, 0}, {true, 1}, {true, 1}, {false, 1}, {true, 2}, {true, 2}} {
		k.unresolvable = step.unresolvable
		h.repeat()
		if lines != step.want {
			t.Errorf("step %d: %d lines, want %d", i, lines, step.want)
		}
	}
}
