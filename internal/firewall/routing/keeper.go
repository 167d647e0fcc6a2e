package routing

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/lasting"
	"github.com/hapair-io/hapair/internal/notify"
)

const (
	// lookInterval is the time between regular looks, in case a notification was lost. While a route is missing, it is
	// tried again after retryInterval.
	lookInterval  = 10 * time.Second
	retryInterval = time.Second
	// faultAfter is how long a route must be missing before it is a fault. A route that is put back at once is no fault.
	// Neither is one that waits for its interface or network at the start.
	faultAfter = time.Second
)

// Kernel has the routes and rules. rtnetlink.Conn implements it.
type Kernel interface {
	Link(name string) (rtnetlink.Link, error)
	Routes() ([]rtnetlink.Route, error)
	SetAllRoutes(protocol uint8, wanted []rtnetlink.Route) (changed bool, err error)
	SetRules(protocol uint8, wanted []rtnetlink.Rule) (changed bool, err error)
}

// Keeper keeps the routes of one document. Its methods may be called at once.
type Keeper struct {
	kernel  Kernel
	log     logr.Logger
	changed notify.Signal

	mu sync.Mutex
	// wanted is nil before the first Set. Routes of an earlier process stay until then.
	wanted *plan.Routing
	// unusable are the links that are down.
	unusable map[string]bool
	// fault describes what is missing.
	fault lasting.Fault
}

// New returns a keeper. It changes nothing before the first Set.
func New(kernel Kernel, log logr.Logger) *Keeper {
	return &Keeper{kernel: kernel, log: log, changed: notify.New(), fault: lasting.Fault{After: faultAfter}}
}

// Set makes the routes and rules those of a document. Routes that stay are not touched. It returns when the kernel has
// them or has refused them. What is refused is tried again, and reported by Fault if it lasts.
func (k *Keeper) Set(wanted plan.Routing) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.wanted = &wanted
	k.keep()
}

// SetUnusable sets which links to the Internet are down. The unit itself then uses the default routes of the others.
func (k *Keeper) SetUnusable(links map[string]bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unusable = maps.Clone(links)
	k.keep()
}

// Fault returns which routes are missing and why; empty if none is.
func (k *Keeper) Fault() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.fault.Reported()
}

// Changed returns a channel that has an item when the result of Fault may have changed.
func (k *Keeper) Changed() <-chan struct{} { return k.changed }

// Run puts back what is removed or changed, until the context ends.
func (k *Keeper) Run(ctx context.Context) {
	moved := notify.New()
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { k.follow(ctx, moved) })
	moved.Watch(ctx, k.look)
}

// look puts back what is missing, and returns the time until the next look.
func (k *Keeper) look() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keep()
	if k.fault.IsPresent() {
		return retryInterval
	}
	return lookInterval
}

// follow signals changes. If that fails, the regular looks remain.
func (k *Keeper) follow(ctx context.Context, moved notify.Signal) {
	moved.Follow(ctx, rtnetlink.FollowRoutes, retryInterval, func(err error) {
		k.log.Error(err, "Following changes of routes and rules failed, trying again")
	})
}

// keep makes the kernel have what is wanted, and records what is missing. The caller holds the lock.
func (k *Keeper) keep() {
	if k.wanted == nil {
		return
	}
	if !k.fault.Observe(k.set(*k.wanted).String()) {
		return
	}
	if fault := k.fault.Reported(); fault != "" {
		k.log.Error(errors.New(fault), "Setting routes failed, trying again")
	} else {
		k.log.Info("Set all routes", "routes", len(k.wanted.Routes), "rules", len(k.wanted.Rules))
	}
	k.changed.Notify()
}

// set sets routes and rules and returns what is missing. Routes come first, so that a table is filled before a rule
// selects it.
func (k *Keeper) set(wanted plan.Routing) faults {
	links, err := k.links(wanted)
	if err != nil {
		return faults{{message: err.Error()}}
	}
	present, err := k.kernel.Routes()
	if err != nil {
		return faults{{message: err.Error()}}
	}
	networks := connected(present, links)
	resolved := resolve(k.preferred(wanted.Routes), links, networks)
	_, err = k.kernel.SetAllRoutes(contract.RoutingProtocol, resolved.routes)
	found := slices.Concat(resolved.faults, faultsOf(err, resolved.fieldOf))
	rules := resolveRules(wanted.Rules, links, networks)
	_, err = k.kernel.SetRules(contract.RoutingProtocol, rules.rules)
	return append(found, faultsOf(err, rules.fieldOf)...)
}

// links returns the interfaces of the zones by name. One that does not exist is zero.
func (k *Keeper) links(wanted plan.Routing) (map[string]rtnetlink.Link, error) {
	links := map[string]rtnetlink.Link{}
	for _, name := range wanted.Interfaces {
		link, err := k.kernel.Link(name)
		if err != nil && !errors.Is(err, unix.ENODEV) {
			return nil, err
		}
		links[name] = link
	}
	return links, nil
}

// preferred returns the routes with a worse metric for those of links that are down.
func (k *Keeper) preferred(wanted []plan.Route) []plan.Route {
	all := slices.Clone(wanted)
	for i := range all {
		if k.unusable[all[i].Link] {
			all[i].Metric += plan.UnusableMetric
		}
	}
	return all
}
