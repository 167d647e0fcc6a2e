package gate

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

const (
	// headroom is how much earlier than its deadline a permit times out. If setting it takes no longer, it cannot time out
	// late.
	headroom = 5 * time.Millisecond
	// jiffy is the coarsest unit in which the kernel counts.
	jiffy = 10 * time.Millisecond
	// attempts is how often a permit is set when setting it is too slow.
	attempts = 3
)

// errSlow means that setting a permit took too long several times.
var errSlow = errors.New("the permit in the kernel could outlast its deadline, because setting it takes too long")

// ruleset is the barrier of nftables, whose permits time out.
type ruleset struct {
	gate   timer
	kernel Kernel
	now    func() time.Duration

	mu       sync.Mutex
	state    nftables.GateState
	deadline deadline
	// isUp is set once the tables exist.
	isUp bool
}

// timer is the gate of package nftables.
type timer interface {
	Replace(s nftables.GateState) error
	SetPermit(interfaces []string, permit time.Duration) error
	SetAddresses(own, control []netip.Addr) error
	Dropped() (map[string]uint64, error)
	Remaining() (time.Duration, error)
	Verify(interfaces []string) error
	Follow(ctx context.Context, changed func()) error
	Close() error
}

func newRuleset(o Options) (barrier, error) {
	r := &ruleset{gate: nftables.NewGate(), kernel: o.Kernel, now: o.Now}
	r.state.Interfaces = o.Interfaces
	for _, m := range o.VirtualMACs {
		r.state.VirtualMACs = append(r.state.VirtualMACs, nftables.MAC(m))
	}
	return r, nil
}

func (r *ruleset) fence() contract.Fence { return contract.FenceNFTables }

// install replaces the tables in one step, and leaves them closed: who removed them may have removed the firewall's
// rules as well. Then it removes the filters of an earlier life with a program, which would stay closed for good.
func (r *ruleset) install(links []rtnetlink.Link) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.gate.Replace(r.state); err != nil {
		return err
	}
	r.isUp, r.deadline.counts = true, false
	var errs []error
	for _, l := range links {
		for _, d := range []rtnetlink.Direction{rtnetlink.Ingress, rtnetlink.Egress} {
			errs = append(errs, r.kernel.RemoveFilter(l.Index, d))
		}
	}
	return errors.Join(errs...)
}

func (r *ruleset) installed([]rtnetlink.Link) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.gate.Verify(r.state.Interfaces)
}

func (r *ruleset) dropped() (map[string]uint64, error) { return r.gate.Dropped() }

func (r *ruleset) setAddresses(own, control []netip.Addr) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.Own, r.state.Control = own, control
	if !r.isUp {
		return nil
	}
	return r.gate.SetAddresses(own, control)
}

// setDeadline sets no permit in tables that somebody has altered. A unit whose tables are removed again and again so
// stays active without forwarding, as one whose rules are removed, until its peer takes over.
func (r *ruleset) setDeadline(until time.Duration) (wrong, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.movePermit(until); err != nil {
		wrong, failed := r.replaceAltered()
		if wrong == nil || failed != nil {
			return nil, errors.Join(err, failed)
		}
		r.deadline.until = until // The tables were replaced by closed ones, so nothing else is to be set.
		return wrong, nil
	}
	r.deadline.until = until
	return nil, nil
}

// movePermit sets a permit until the deadline, unless the gate is suspended, or removes the permit.
func (r *ruleset) movePermit(until time.Duration) error {
	switch {
	case until == 0:
		return r.gate.SetPermit(r.state.Interfaces, 0)
	case r.deadline.counts:
		return r.permit(until)
	default:
		return nil
	}
}

// suspend replaces the tables by closed ones. What removed the firewall's rules may have removed the tables as well,
// and to look first would take longer. Only tables that are closed already are looked at, since a needless transaction
// keeps the firewall's waiting.
func (r *ruleset) suspend() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.deadline.counts {
		_, err := r.replaceAltered()
		return err
	}
	r.deadline.counts = false
	return r.gate.Replace(r.state)
}

func (r *ruleset) restore() (wrong, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.replaceAltered()
}

// replaceAltered replaces the tables by closed ones, unless they are as they should be. It returns what was wrong.
func (r *ruleset) replaceAltered() (wrong, err error) {
	if wrong = r.gate.Verify(r.state.Interfaces); wrong == nil {
		return nil, nil
	}
	r.deadline.counts = false
	return wrong, r.gate.Replace(r.state)
}

func (r *ruleset) resume() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now() < r.deadline.until {
		if err := r.permit(r.deadline.until); err != nil {
			return err
		}
	}
	r.deadline.counts = true
	return nil
}

func (r *ruleset) isSuspended() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.deadline.counts
}

// permit sets a permit that times out at the deadline at the latest, and verifies that. The kernel counts from when it
// takes the permit. That instant is unknown, but it is before the call returns, and the remaining time can be read. If
// neither proves that the permit ends in time, it is set again.
func (r *ruleset) permit(until time.Duration) error {
	for range attempts {
		calculated := r.now()
		lasts := until - calculated - headroom
		if lasts <= 0 {
			return fmt.Errorf("with %s left until the deadline: %w", until-calculated, errPassed)
		}
		if err := r.gate.SetPermit(r.state.Interfaces, lasts); err != nil {
			return err
		}
		took := r.now() - calculated
		asked := r.now()
		left, err := r.gate.Remaining()
		answered := r.now()
		switch {
		case err != nil:
			return err
		case left == 0 && answered < until-headroom-jiffy:
			return errors.New("the permit that was set is not in the kernel")
		case asked+left > until+jiffy: // It is too long already.
		case took <= headroom || answered+left <= until:
			return nil
		}
	}
	return errSlow
}

func (r *ruleset) checkOpen() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	left, err := r.gate.Remaining()
	if err == nil && left == 0 {
		err = errors.New("the permit has timed out in the kernel")
	}
	return err
}

// follow reports changes of the tables. Permits do not count, which move with every heartbeat.
func (r *ruleset) follow(ctx context.Context, removed func()) error {
	return r.gate.Follow(ctx, removed)
}

func (r *ruleset) close() error { return r.gate.Close() }
