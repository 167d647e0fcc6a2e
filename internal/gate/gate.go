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

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

var (
	// errPassed says that there was nothing left to open for.
	errPassed = errors.New("the deadline has passed")
	// errGivenBack says that the process has no hold of the gate any more.
	errGivenBack = errors.New("the gate was given back: it keeps its last deadline")
)

// Kernel is where the gate looks interfaces up and hangs its filters.
type Kernel interface {
	Link(name string) (rtnetlink.Link, error)
	AllAddresses() ([]netip.Prefix, error)
	SetDevconf(index int, d rtnetlink.Devconf) error
	SetFilter(index int, d rtnetlink.Direction, f rtnetlink.Filter) error
	Filter(index int, d rtnetlink.Direction) (program uint32, err error)
	OtherFilters(index int, d rtnetlink.Direction) (bool, error)
	RemoveFilter(index int, d rtnetlink.Direction) error
}

// Options are what a gate is made with.
type Options struct {
	// Interfaces are the traffic interfaces, by name.
	Interfaces []string
	// Virtual are the addresses that the unit shares with its peer.
	Virtual []netip.Addr
	// VirtualMACs are the MAC addresses that it shares.
	VirtualMACs []rtnetlink.MAC
	Kernel      Kernel
	// Now is the boot clock.
	Now func() time.Duration
	Log logr.Logger
	// WithoutBPF makes the gate of nftables even where the kernel would take a program.
	WithoutBPF bool
}

// Config is the whole state of the gate.
type Config struct {
	// Until is the instant at which it closes by itself; it is closed where that has passed, as the zero instant has.
	Until time.Duration
}

// Gate is on the traffic interfaces of one unit.
type Gate struct {
	options Options
	barrier barrier
	log     logr.Logger

	// mu is held while the deadline changes. Nothing that waits for the kernel's lock on interfaces is done under it while
	// the gate is open: whoever holds that lock would else keep the permit from being extended.
	mu    sync.Mutex
	until time.Duration
	// givenBack is set once what the process holds was given back.
	givenBack bool
	// moved wakes the watchman when the deadline has changed.
	moved chan struct{}

	host host
	// broken is why the gate is not known to be on all interfaces.
	broken atomic.Pointer[error]
}

// New puts a closed gate on the interfaces, in place of the one that an earlier life left. It fails when the kernel
// cannot enforce one, and says what is missing.
func New(o Options) (*Gate, error) {
	if _, err := links(o); err != nil {
		return nil, fmt.Errorf("putting the gate up: %w", err)
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
		return nil, fmt.Errorf("putting up a gate, without which the unit must not forward: %w",
			errors.Join(refused, fmt.Errorf("as a ruleset of nftables: %w", err)))
	}
	if refused != nil {
		o.Log.Error(refused, "Putting up the gate: it is the weaker one of nftables now")
	}
	return g, nil
}

func newGate(o Options, newBarrier func(Options) (barrier, error)) (*Gate, error) {
	b, err := newBarrier(o)
	if err != nil {
		return nil, err
	}
	g := &Gate{
		options: o, barrier: b, log: o.Log, moved: make(chan struct{}, 1),
		host: host{options: o, barrier: b},
	}
	if err := g.host.install(); err != nil {
		return nil, errors.Join(err, b.close())
	}
	o.Log.Info("Put up the gate, closed", "kind", b.kind().String(), "interfaces", o.Interfaces)
	return g, nil
}

// Kind tells what the gate is made of.
func (g *Gate) Kind() Kind { return g.barrier.kind() }

// Set opens the gate until the deadline, moves the deadline to a later or an earlier instant, or closes. Opening past
// the deadline closes and fails. When it returns without error, what is wanted holds for the next packet.
//
// A gate that is to be opened is looked after first, and put back where it is missing; one that is open is only given
// its new deadline, unless it was found to be missing since.
func (g *Gate) Set(_ context.Context, c Config) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.givenBack {
		return errGivenBack
	}
	if c.Until == 0 {
		return g.close()
	}
	now := g.options.Now()
	if now >= c.Until {
		return errors.Join(fmt.Errorf("opening the gate until %s: %w", c.Until, errPassed), g.close())
	}
	isOpen := now < g.until
	if !isOpen || g.broken.Load() != nil {
		if err := g.inspect(); err != nil {
			return errors.Join(fmt.Errorf("opening the gate: %w", err), g.close())
		}
	}
	if err := g.barrier.setDeadline(c.Until); err != nil {
		return errors.Join(fmt.Errorf("opening the gate until %s: %w", c.Until, err), g.close())
	}
	g.until = c.Until
	g.wakeWatchman()
	return nil
}

// close forgets the deadline only when the kernel has confirmed it.
func (g *Gate) close() error {
	if err := g.barrier.setDeadline(0); err != nil {
		return fmt.Errorf("closing the gate: %w", err)
	}
	g.until = 0
	return nil
}

// CheckOpen fails when the gate is not open, or is not on all interfaces, or these do not forward, as far as can be seen.
func (g *Gate) CheckOpen() error {
	g.mu.Lock()
	until, givenBack := g.until, g.givenBack
	g.mu.Unlock()
	switch {
	case givenBack:
		return errGivenBack
	case until == 0:
		return errors.New("the gate is closed")
	}
	if now := g.options.Now(); now >= until {
		return fmt.Errorf("the gate has closed at %s, it is %s now", until, now)
	}
	if err := g.barrier.checkOpen(); err != nil {
		return err
	}
	return g.host.verify()
}

// Permitted tells whether the deadline is still to come. It asks nobody but the clock.
func (g *Gate) Permitted() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.options.Now() < g.until
}

// Close gives back what the process holds, once Run has returned. The gate stays, with its last deadline.
func (g *Gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.givenBack {
		return nil
	}
	g.givenBack = true
	return g.barrier.close()
}

// inspect puts right what is not as it should be on the interfaces, and remembers whether that succeeded.
func (g *Gate) inspect() error {
	changed, err := g.host.putRight()
	if err != nil {
		err = fmt.Errorf("looking after the gate: %w", err)
		g.broken.Store(&err)
		return err
	}
	g.broken.Store(nil)
	if changed != nil {
		g.log.Info("Put the gate right", "reason", changed.Error())
	}
	return nil
}

func (g *Gate) wakeWatchman() {
	select {
	case g.moved <- struct{}{}:
	default:
	}
}
