package gate

import (
	"context"
	"net/netip"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// barrier stops traffic in the kernel. Its methods are safe for concurrent use.
type barrier interface {
	// fence returns the kind of fence that it is.
	fence() contract.Fence
	// install puts it on the interfaces and replaces what an earlier life left there. It keeps its deadline. A barrier
	// that may have been removed together with the firewall's rules is suspended.
	install(links []rtnetlink.Link) error
	// installed returns an error when it is not on all of the interfaces.
	installed(links []rtnetlink.Link) error
	// setAddresses replaces the addresses that stay reachable while it is closed, and those of the control plane.
	setAddresses(own, control []netip.Addr) error
	// dropped returns how many packets of each kind it has dropped whether it was open or closed.
	dropped() (map[string]uint64, error)
	// setDeadline moves the instant at which it closes; zero closes it. If somebody removed it, setDeadline puts it back,
	// suspended, and returns what was wrong. It must not wait for the kernel's lock on interfaces.
	setDeadline(until time.Duration) (wrong, err error)
	// suspend closes it whatever its deadline, until resume. It is suspended from the beginning.
	suspend() error
	// resume opens it until its deadline.
	resume() error
	isSuspended() bool
	// checkOpen returns an error when the kernel has it closed.
	checkOpen() error
	// restore puts it back, suspended, if somebody removed it, and returns what was wrong. It looks at nothing else, so
	// that it takes no longer than that.
	restore() (wrong, err error)
	// follow calls removed once it listens and when somebody may have removed it, until ctx ends or it fails. It leaves
	// out what happens to interfaces.
	follow(ctx context.Context, removed func()) error
	// close releases what the process holds.
	close() error
}
