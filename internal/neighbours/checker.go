package neighbours

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/addresses"
	"github.com/hapair-io/hapair/internal/bounded"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/notify"
)

const (
	// lookInterval is the time between regular looks, and retryInterval the pause after a failure to follow changes.
	lookInterval  = 10 * time.Second
	retryInterval = time.Second
	// askInterval is the least time between two rounds of questions, however often entries change.
	askInterval = time.Second
	// answerTime is how long answers are awaited.
	answerTime = 300 * time.Millisecond
	// maxAsked bounds how many neighbours of an interface one round asks for. The next round goes on behind them.
	maxAsked = 32
	// maxClaims bounds how many answers of an interface one round reads.
	maxClaims = 256
	// maxNamed bounds how many neighbours a report names.
	maxNamed = 5
)

// Kernel has the neighbours. rtnetlink.Conn implements it.
type Kernel interface {
	Link(name string) (rtnetlink.Link, error)
	Neighbours() ([]rtnetlink.Neighbour, error)
}

// Options are the settings of a checker.
type Options struct {
	// Interfaces are the traffic interfaces, by name.
	Interfaces []string
	Kernel     Kernel
	Wire       addresses.Wire
	Log        logr.Logger
}

// Checker compares static neighbours with the answers of the segments.
type Checker struct {
	Options
	// asked is when the last round began. next is the place at which the next round of each interface begins, and wrong
	// what the last answers to each entry contradict. They belong to the goroutine of Run.
	asked time.Time
	next  map[string]int
	wrong map[rtnetlink.Neighbour]rtnetlink.MAC
	// isAny is set while there are entries to ask for.
	isAny atomic.Bool
}

// New returns a checker for Run.
func New(o Options) *Checker {
	return &Checker{Options: o, next: map[string]int{}, wrong: map[rtnetlink.Neighbour]rtnetlink.MAC{}}
}

// Run looks for wrong neighbours until the context ends. It calls changed with an error that names them, and with nil
// when all are right again.
func (c *Checker) Run(ctx context.Context, changed func(error)) {
	moved := notify.New()
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() {
		moved.Follow(ctx, c.follow, retryInterval, func(err error) {
			c.Log.Error(err, "Following changes of neighbours failed, trying again")
		})
	})
	told := ""
	moved.Watch(ctx, func() time.Duration {
		if wait := askInterval - time.Since(c.asked); wait > 0 {
			return wait
		}
		if err := c.look(); err != nil {
			c.Log.Error(err, "Checking static neighbours failed, trying again")
			return retryInterval
		}
		if text := c.report(); text != told {
			told = text
			if text == "" {
				changed(nil)
			} else {
				c.Log.Info("Found wrong static neighbours", "neighbours", text)
				changed(errors.New(text))
			}
		}
		return lookInterval
	})
}

// follow reports changes of static entries. Others change often.
func (c *Checker) follow(ctx context.Context, changed func()) error {
	concerns := func(e rtnetlink.NeighbourEvent) bool {
		return isStatic(e.Neighbour) || e.Deleted && c.isAny.Load()
	}
	return rtnetlink.FollowNeighbours(ctx, concerns, func(_, neighbours bool) {
		if neighbours {
			changed()
		}
	})
}

// isStatic reports whether another program added an entry that the kernel never verifies.
func isStatic(n rtnetlink.Neighbour) bool {
	return n.State&(rtnetlink.Permanent|rtnetlink.NoARP) != 0 && n.MAC != rtnetlink.MAC{} &&
		n.Protocol != contract.RoutingProtocol && !n.Address.IsMulticast()
}

// look asks for the static neighbours of each interface, and records which answers differ.
func (c *Checker) look() error {
	all, err := c.Kernel.Neighbours()
	if err != nil {
		return err
	}
	found := map[rtnetlink.Neighbour]bool{}
	var errs []error
	for _, name := range c.Interfaces {
		link, err := c.Kernel.Link(name)
		if err != nil || !link.Up {
			continue // The monitors report it.
		}
		var entries []rtnetlink.Neighbour
		for _, n := range all {
			if n.Interface == link.Index && isStatic(n) {
				entries, found[n] = append(entries, n), true
			}
		}
		if len(entries) > 0 {
			c.asked = time.Now()
			errs = append(errs, c.ask(link, c.part(name, entries)))
		}
	}
	for n := range c.wrong {
		if !found[n] {
			delete(c.wrong, n)
		}
	}
	c.isAny.Store(len(found) > 0)
	return errors.Join(errs...)
}

// part returns the entries to ask for in this round.
func (c *Checker) part(name string, entries []rtnetlink.Neighbour) []rtnetlink.Neighbour {
	slices.SortFunc(entries, func(a, b rtnetlink.Neighbour) int { return a.Address.Compare(b.Address) })
	if len(entries) <= maxAsked {
		return entries
	}
	begin := c.next[name] % len(entries)
	c.next[name] = begin + maxAsked
	return slices.Concat(entries[begin:], entries[:begin])[:maxAsked]
}

// ask asks for entries of one interface, and compares the answers.
func (c *Checker) ask(link rtnetlink.Link, entries []rtnetlink.Neighbour) error {
	wanted := make([]netip.Addr, len(entries))
	for i, n := range entries {
		wanted[i] = n.Address
	}
	claims, err := addresses.Ask(c.Wire, link, wanted, answerTime, maxClaims)
	if err != nil {
		return fmt.Errorf("asking for static neighbours on interface %s: %w", link.Name, err)
	}
	for _, n := range entries {
		if other, isWrong := contradiction(n.MAC, claims[n.Address]); isWrong {
			c.wrong[n] = other
		} else {
			delete(c.wrong, n)
		}
	}
	return nil
}

// contradiction returns another MAC address that answered, unless the right one did too. Without an answer nothing is
// known.
func contradiction(static rtnetlink.MAC, answers []rtnetlink.MAC) (other rtnetlink.MAC, isWrong bool) {
	if len(answers) == 0 || slices.Contains(answers, static) {
		return rtnetlink.MAC{}, false
	}
	return answers[0], true
}

// report names the wrong neighbours; empty without any.
func (c *Checker) report() string {
	texts := make([]string, 0, len(c.wrong))
	for n, other := range c.wrong {
		texts = append(texts, fmt.Sprintf("static neighbour %s has MAC address %s, and %s answers for it: correct it, or "+
			"remove it with ip neigh del", n.Address, n.MAC, other))
	}
	slices.Sort(texts)
	return bounded.Join(texts, maxNamed)
}
