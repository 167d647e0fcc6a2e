package neighbours

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/bounded"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/lasting"
	"github.com/hapair-io/hapair/internal/notify"
)

const (
	// lookInterval is the time between regular looks: the kernel reports no change of published entries. While an entry
	// is missing, it is tried again after retryInterval.
	lookInterval  = 5 * time.Second
	retryInterval = time.Second
	// faultAfter is how long an entry must be missing before it is a fault.
	faultAfter = time.Second
	// maxFaults bounds how many faults a text describes.
	maxFaults = 5
)

// Kernel has the neighbours. rtnetlink.Conn implements it.
type Kernel interface {
	Link(name string) (rtnetlink.Link, error)
	Neighbours() ([]rtnetlink.Neighbour, error)
	PublishedNeighbours() ([]rtnetlink.Neighbour, error)
	SetNeighbour(rtnetlink.Neighbour) error
	RemoveNeighbour(rtnetlink.Neighbour) error
}

// Keeper keeps the neighbours of one document. Its methods may be called at once.
type Keeper struct {
	kernel  Kernel
	log     logr.Logger
	changed notify.Signal
	// moved is set when the kernel or the document may have changed.
	moved notify.Signal

	mu sync.Mutex
	// decided is set by the first Set. Entries of an earlier process stay until then.
	decided bool
	wanted  []document.Neighbour
	fault   lasting.Fault
}

// New returns a keeper. It changes nothing before the first Set.
func New(kernel Kernel, log logr.Logger) *Keeper {
	return &Keeper{
		kernel: kernel, log: log, changed: notify.New(), moved: notify.New(), fault: lasting.Fault{After: faultAfter},
	}
}

// Set makes the neighbours those of a document. It returns when the kernel has them or has refused them.
func (k *Keeper) Set(wanted []document.Neighbour) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.decided, k.wanted = true, wanted
	k.keep()
	k.moved.Notify() // Run looks soon again if something is missing.
}

// Fault returns which neighbours are missing and why; empty if none is.
func (k *Keeper) Fault() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.fault.Reported()
}

// Changed returns a channel that has an item when the result of Fault may have changed.
func (k *Keeper) Changed() <-chan struct{} { return k.changed }

// Run puts back what is removed or changed, until the context ends.
func (k *Keeper) Run(ctx context.Context) {
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() {
		k.moved.Follow(ctx, k.follow, retryInterval, func(err error) {
			k.log.Error(err, "Following changes of neighbours failed, trying again")
		})
	})
	k.moved.Watch(ctx, k.look)
}

// follow reports changes of interfaces and of the document's entries. Other entries change often.
func (k *Keeper) follow(ctx context.Context, changed func()) error {
	return rtnetlink.FollowNeighbours(ctx, k.concerns, func(bool, bool) { changed() })
}

func (k *Keeper) concerns(e rtnetlink.NeighbourEvent) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return e.Protocol == contract.RoutingProtocol ||
		slices.ContainsFunc(k.wanted, func(n document.Neighbour) bool { return n.Address == e.Address })
}

func (k *Keeper) look() time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keep()
	if k.fault.IsPresent() {
		return retryInterval
	}
	return lookInterval
}

// keep makes the kernel have what is wanted, and records what is missing. The caller holds the lock.
func (k *Keeper) keep() {
	if !k.decided {
		return
	}
	if !k.fault.Observe(bounded.Join(k.set(), maxFaults)) {
		return
	}
	if fault := k.fault.Reported(); fault != "" {
		k.log.Error(errors.New(fault), "Setting neighbours failed, trying again")
	} else {
		k.log.Info("Set all neighbours", "neighbours", len(k.wanted))
	}
	k.changed.Notify()
}

// set sets missing entries, removes those of an earlier document, and returns what the kernel refused.
func (k *Keeper) set() (faults []string) {
	learned, err := k.kernel.Neighbours()
	if err != nil {
		return []string{err.Error()}
	}
	published, err := k.kernel.PublishedNeighbours()
	if err != nil {
		return []string{err.Error()}
	}
	superfluous := map[rtnetlink.Neighbour]bool{}
	for _, n := range slices.Concat(learned, published) {
		if n.Protocol == contract.RoutingProtocol {
			superfluous[known(n)] = true
		}
	}
	for i, wanted := range k.wanted {
		n, err := k.resolve(wanted)
		if err == nil && !superfluous[n] {
			err = k.kernel.SetNeighbour(n)
		}
		if err != nil {
			faults = append(faults, fmt.Sprintf("spec.neighbours[%d]: %s", i, err))
		}
		for had := range superfluous {
			// An entry with another MAC address was replaced by this one.
			if had.Interface == n.Interface && had.Address == n.Address && had.Flags == n.Flags {
				delete(superfluous, had)
			}
		}
	}
	for n := range superfluous {
		if err := k.kernel.RemoveNeighbour(n); err != nil {
			faults = append(faults, err.Error())
		}
	}
	return faults
}

// known returns an entry of the kernel without what the document does not decide.
func known(n rtnetlink.Neighbour) rtnetlink.Neighbour {
	n.Flags &= rtnetlink.Published
	if n.Flags != 0 {
		n.State = rtnetlink.Permanent
	}
	return n
}

// resolve returns the entry as the kernel has it.
func (k *Keeper) resolve(wanted document.Neighbour) (rtnetlink.Neighbour, error) {
	link, err := k.kernel.Link(wanted.Interface)
	if errors.Is(err, unix.ENODEV) {
		err = fmt.Errorf("interface %q does not exist", wanted.Interface)
	}
	n := rtnetlink.Neighbour{
		Interface: link.Index, Address: wanted.Address, State: rtnetlink.Permanent, Protocol: contract.RoutingProtocol,
	}
	if err != nil {
		return n, err
	}
	if wanted.Publish {
		n.Flags = rtnetlink.Published
		return n, nil
	}
	n.MAC, err = rtnetlink.ParseMAC(string(wanted.MAC))
	return n, err
}
