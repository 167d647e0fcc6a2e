package gate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// watchInterval is how often the watchman looks at the clock at the least. The timers of the process do not advance
// while the machine is suspended, and the boot clock does.
const watchInterval = 100 * time.Millisecond

// errPassed says that there was nothing left to open for.
var errPassed = errors.New("the deadline has passed")

// Kernel is what the gate is made of.
type Kernel interface {
	Link(name string) (rtnetlink.Link, error)
	SetDevconf(index int, d rtnetlink.Devconf) error
	SetBlackholes(managed, wanted []string) error
}

// Config is the whole state of the gate.
type Config struct {
	// Until is the instant at which it closes by itself; it is closed where that has passed, as the zero instant has.
	Until time.Duration
}

// Gate is on the traffic interfaces of one unit.
type Gate struct {
	interfaces []string
	kernel     Kernel
	now        func() time.Duration
	log        logr.Logger

	mu    sync.Mutex
	until time.Duration
	// moved wakes the watchman when the deadline has changed.
	moved chan struct{}
}

// New makes the gate of the interfaces. The clock is the boot clock. Nothing is touched before the first Set.
func New(interfaces []string, kernel Kernel, now func() time.Duration, log logr.Logger) *Gate {
	return &Gate{interfaces: interfaces, kernel: kernel, now: now, log: log, moved: make(chan struct{}, 1)}
}

// Set opens the gate until the deadline, moves the deadline, or closes. Opening past the deadline closes and fails.
func (g *Gate) Set(_ context.Context, c Config) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.Until == 0 {
		return g.close()
	}
	if g.now() >= c.Until {
		return errors.Join(fmt.Errorf("opening the gate until %s: %w", c.Until, errPassed), g.close())
	}
	wasOpen := g.until != 0
	g.until = c.Until
	g.wakeWatchman()
	if wasOpen {
		return nil
	}
	if err := g.apply(true); err != nil {
		return fmt.Errorf("opening the gate: %w", err)
	}
	return nil
}

// Open tells whether the kernel forwards on every interface of the gate, as far as can be seen.
func (g *Gate) Open() error {
	for _, name := range g.interfaces {
		link, err := g.kernel.Link(name)
		if err != nil {
			return err
		}
		if !link.IPv4.Forwarding {
			return fmt.Errorf("interface %s does not forward", name)
		}
	}
	return nil
}

// Run is the watchman. It closes the gate at its deadline and tries until that has succeeded. It returns when the
// context ends, and leaves the gate as it is.
func (g *Gate) Run(ctx context.Context) {
	for {
		timer := time.NewTimer(g.enforce())
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-g.moved:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// enforce closes a gate whose deadline has passed and returns how long it can be left alone.
func (g *Gate) enforce() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.until == 0 {
		return time.Hour // Set wakes the watchman.
	}
	left := g.until - g.now()
	if left > 0 {
		return min(left, watchInterval)
	}
	g.log.Info("Closing the gate at its deadline", "deadline", g.until)
	if err := g.close(); err != nil {
		g.log.Error(err, "Closing the gate at its deadline")
		return watchInterval
	}
	return time.Hour
}

func (g *Gate) wakeWatchman() {
	select {
	case g.moved <- struct{}{}:
	default:
	}
}

// close forgets the deadline only when the kernel has confirmed everything.
func (g *Gate) close() error {
	if err := g.apply(false); err != nil {
		return fmt.Errorf("closing the gate: %w", err)
	}
	g.until = 0
	return nil
}

// apply makes every interface forward or not, going on past an error so that as much as possible is closed.
func (g *Gate) apply(open bool) error {
	blackholed := g.interfaces
	if open {
		blackholed = nil
	}
	errs := []error{g.kernel.SetBlackholes(g.interfaces, blackholed)}
	for _, name := range g.interfaces {
		link, err := g.kernel.Link(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		// Answering only for addresses of the interface that was asked keeps the virtual address of one network from
		// being claimed on another.
		errs = append(errs, g.kernel.SetDevconf(link.Index, rtnetlink.Devconf{
			Forwarding: open, ARPIgnore: 1, ARPAnnounce: 2,
		}))
	}
	return errors.Join(errs...)
}
