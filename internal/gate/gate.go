package gate

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/notify"
)

var (
	// errPassed means that there was no time left to open for.
	errPassed = errors.New("the deadline has passed")
	// errNoRules means that the gate is closed because the firewall's rules are missing.
	errNoRules = errors.New("the gate is closed, because the firewall's rules are not in force")
	// errReleased means that the process has released the gate.
	errReleased = errors.New("the process has released the gate, which keeps its last deadline")
)

// ErrRepaired means that the gate was removed and was put back, closed. The rules may have been removed with it.
var ErrRepaired = errors.New("the gate was put back, so the firewall's rules need another verification")

// Kernel looks up interfaces and attaches filters to them.
type Kernel interface {
	Link(name string) (rtnetlink.Link, error)
	AddressTable() ([]rtnetlink.Address, error)
	SetDevconf(index int, d rtnetlink.Devconf) error
	SetResolution(index int, r rtnetlink.Resolution) error
	ReversePathFilter() (uint32, error)
	SetFilter(index int, d rtnetlink.Direction, f rtnetlink.Filter) error
	Filter(index int, d rtnetlink.Direction) (program uint32, err error)
	OtherFilters(index int, d rtnetlink.Direction) (bool, error)
	RemoveFilter(index int, d rtnetlink.Direction) error
}

// Options are the settings of a gate.
type Options struct {
	// Interfaces are the traffic interfaces, by name.
	Interfaces []string
	// Virtual are the addresses that the unit shares with its peer.
	Virtual []netip.Addr
	// VirtualMACs are the MAC addresses that it shares.
	VirtualMACs []rtnetlink.MAC
	Kernel      Kernel
	// Now is the unit's clock, to which deadlines belong. Ahead is how far it is ahead of the boot clock, which the
	// kernel compares with them. That changes when the machine is stopped together with its boot clock. Ahead is nil if
	// nobody can tell: Now is the boot clock then.
	Now   func() time.Duration
	Ahead func() time.Duration
	Log   logr.Logger
	// SourcesChecked is set if the firewall drops packets of segments with a source of the unit itself. Then the kernel
	// does not look the source of each packet up a second time.
	SourcesChecked bool
	// WithoutBPF uses nftables even where the kernel would accept a program.
	WithoutBPF bool
}

// ahead returns how far the unit's clock is ahead of the kernel's.
func (o Options) ahead() time.Duration {
	if o.Ahead == nil {
		return 0
	}
	return o.Ahead()
}

// inKernel translates an instant of the unit's clock for the kernel.
func (o Options) inKernel(instant time.Duration) time.Duration { return instant - o.ahead() }

// Config is the whole state of the gate.
type Config struct {
	// Until is the instant at which it closes by itself. The gate is closed if that has passed, as the zero instant has.
	Until time.Duration
}

// Gate guards the traffic interfaces of one unit.
type Gate struct {
	options Options
	barrier barrier
	log     logr.Logger

	// mu is held while the deadline changes. While the gate is open, nothing under it may wait for the kernel's lock on
	// interfaces: another process that holds that lock would keep the permit from being extended.
	mu    sync.Mutex
	until time.Duration
	// ahead is how far the unit's clock was ahead of the kernel's when the kernel was told the deadline.
	ahead time.Duration
	// hasRules is set while the firewall's rules are in force, and isSuspended once the gate is closed because of that.
	hasRules, isSuspended bool
	// released is set once the process has released the gate.
	released bool
	// moved wakes watchDeadline when the deadline has changed.
	moved notify.Signal

	host host
	last lastInspection
	// altered wakes Run to inspect the gate.
	altered notify.Signal
	// broken is why the gate may not be on all interfaces.
	broken atomic.Pointer[error]
	// wrong is what the last repair found. repaired wakes Run to report it.
	wrong    atomic.Pointer[error]
	repaired notify.Signal
}

// New puts a closed gate on the interfaces and replaces the one that an earlier life left. If the kernel cannot enforce
// a gate, the error explains what is missing.
func New(o Options) (*Gate, error) {
	if _, err := links(o); err != nil {
		return nil, fmt.Errorf("installing the gate: %w", err)
	}
	var refused error
	if !o.WithoutBPF {
		g, err := newGate(o, newProgram)
		if err == nil {
			return g, nil
		}
		refused = fmt.Errorf("as a program: %w", err)
	}
	g, err := newGate(o, newRuleset)
	if err != nil {
		return nil, fmt.Errorf("installing a gate, without which the unit must not forward: %w",
			errors.Join(refused, fmt.Errorf("as a ruleset of nftables: %w", err)))
	}
	if refused != nil {
		o.Log.Error(refused, "Installing the gate as a program failed, using the weaker one of nftables")
	}
	return g, nil
}

func newGate(o Options, newBarrier func(Options) (barrier, error)) (*Gate, error) {
	b, err := newBarrier(o)
	if err != nil {
		return nil, err
	}
	g := &Gate{
		options: o, barrier: b, log: o.Log, moved: notify.New(), altered: notify.New(), repaired: notify.New(),
		host: host{options: o, barrier: b},
	}
	if err := g.host.install(); err != nil {
		return nil, errors.Join(err, b.close())
	}
	o.Log.Info("Installed the gate, closed", "fence", b.fence(), "interfaces", o.Interfaces)
	return g, nil
}

// Fence returns what closes the gate in the kernel at its deadline.
func (g *Gate) Fence() contract.Fence { return g.barrier.fence() }

// Set opens the gate until the deadline, moves the deadline to a later or an earlier instant, or closes the gate.
// Opening past the deadline closes it and fails. When Set returns without error, the new state holds for the next
// packet.
//
// A gate that is to be opened is inspected first, and put back where it is missing, unless the last inspection of Run
// counts. CheckOpen inspects what was opened. An open gate only gets its new deadline, unless it was found missing
// since.
//
// While the firewall's rules are missing, Set only records the deadline. CheckOpen then fails. The same holds if
// somebody removed the gate, until the rules were verified again.
func (g *Gate) Set(_ context.Context, c Config) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.released {
		return errReleased
	}
	if c.Until == 0 {
		return g.close()
	}
	now := g.options.Now()
	if now >= c.Until {
		return errors.Join(fmt.Errorf("opening the gate until %s: %w", c.Until, errPassed), g.close())
	}
	isOpen := now < g.until
	if !isOpen && !g.last.counts(now) || g.broken.Load() != nil {
		if _, err := g.inspect(); err != nil {
			return errors.Join(fmt.Errorf("opening the gate: %w", err), g.close())
		}
	}
	if err := g.setDeadline(c.Until); err != nil {
		return errors.Join(fmt.Errorf("opening the gate until %s: %w", c.Until, err), g.close())
	}
	g.moved.Notify()
	return nil
}

// setDeadline moves the deadline in the kernel.
func (g *Gate) setDeadline(until time.Duration) error {
	ahead := g.options.ahead() // If it changes meanwhile, watchDeadline tells the kernel again.
	wrong, err := g.barrier.setDeadline(until)
	g.noteRepair(wrong)
	if err != nil {
		return err
	}
	g.until, g.ahead = until, ahead
	return nil
}

// close clears the deadline only after the kernel has confirmed it.
func (g *Gate) close() error {
	if err := g.setDeadline(0); err != nil {
		return fmt.Errorf("closing the gate: %w", err)
	}
	return nil
}

// SetRulesInForce records whether the firewall's rules are in force. Without them the gate closes at once. When they
// are back, it opens until the deadline that was set last. A new gate has no rules. After ErrRepaired, the caller
// verifies the rules and calls again.
//
// Repeating it is harmless. It is to be repeated after each verification, because a gate that was removed is closed
// when it is put back.
func (g *Gate) SetRulesInForce(inForce bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.released {
		return errReleased
	}
	if g.hasRules != inForce && g.options.Now() < g.until {
		g.log.Info("Gate follows the firewall's rules", "open", inForce)
	}
	g.hasRules = inForce
	if inForce {
		g.isSuspended = false
		return g.resume()
	}
	if g.isSuspended {
		return nil
	}
	if err := g.barrier.suspend(); err != nil {
		return fmt.Errorf("closing the gate without rules: %w", err)
	}
	g.isSuspended = true
	return nil
}

// resume opens a gate that was closed because of missing rules, if it is on all interfaces.
func (g *Gate) resume() error {
	if !g.barrier.isSuspended() {
		return nil
	}
	repaired, err := g.inspect()
	switch {
	case err != nil:
		return fmt.Errorf("opening the gate with rules: %w", err)
	case repaired:
		return ErrRepaired
	}
	return g.barrier.resume()
}

// CheckOpen returns an error when the gate is not open, is not on all interfaces, or the interfaces do not forward.
func (g *Gate) CheckOpen() error {
	g.mu.Lock()
	until, hasRules, released := g.until, g.hasRules, g.released
	g.mu.Unlock()
	switch {
	case released:
		return errReleased
	case until == 0:
		return errors.New("the gate is closed")
	}
	if !hasRules {
		return errNoRules
	}
	if now := g.options.Now(); now >= until {
		return fmt.Errorf("the gate has closed at %s, it is %s now", until, now)
	}
	if err := g.barrier.checkOpen(); err != nil {
		return err
	}
	err := g.host.verify()
	if err != nil {
		g.last.changed()
		g.altered.Notify() // Run puts it back.
	}
	return err
}

// Permitted reports whether the deadline is still to come. It looks only at the clock.
func (g *Gate) Permitted() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.options.Now() < g.until
}

// Close releases what the process holds, once Run has returned. The gate stays, with its last deadline.
func (g *Gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.released {
		return nil
	}
	g.released = true
	return g.barrier.close()
}

// inspect repairs the gate on the interfaces, and remembers whether that succeeded. It returns whether something was
// missing.
func (g *Gate) inspect() (repaired bool, err error) {
	changed, err := g.host.repair()
	if err != nil {
		err = fmt.Errorf("inspecting the gate: %w", err)
		g.broken.Store(&err)
		return false, err
	}
	g.broken.Store(nil)
	g.noteRepair(changed)
	return changed != nil, nil
}

// noteRepair logs what was wrong with the gate, if anything was, and has Run report it.
func (g *Gate) noteRepair(wrong error) {
	if wrong == nil {
		return
	}
	g.log.Info("Repaired the gate", "reason", wrong.Error())
	g.wrong.Store(&wrong)
	g.repaired.Notify()
}
