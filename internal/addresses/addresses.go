package addresses

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/notify"
)

// Network is an interface with the virtual addresses that it has while the unit is active.
type Network struct {
	Interface string
	Addresses []netip.Prefix
	// VirtualMAC is the MAC address that the interface has together with the virtual addresses. Without one the interface
	// keeps its own.
	VirtualMAC rtnetlink.MAC
}

// Config is the whole state of the virtual addresses.
type Config struct {
	// Attached means that every virtual address is on its interface. Otherwise no virtual address is.
	Attached bool
}

// Kernel sets addresses on interfaces.
type Kernel interface {
	Link(name string) (rtnetlink.Link, error)
	AddressTable() ([]rtnetlink.Address, error)
	AddAddresses(index int, wanted []netip.Prefix) []rtnetlink.Refused
	RemoveAddresses(all []rtnetlink.Address) error
	SetMAC(index int, mac rtnetlink.MAC) error
	ForwardsIPv6() (bool, error)
}

// Wire sends and receives Ethernet frames.
type Wire interface {
	// Send sends the frames on the interface, in order.
	Send(link rtnetlink.Link, frames [][]byte) error
	// Tap starts to receive the frames in which other stations claim one of the addresses.
	Tap(link rtnetlink.Link, addresses []netip.Addr) (Tap, error)
}

// Options are the virtual addresses of one unit and the settings for them.
type Options struct {
	Networks []Network
	Kernel   Kernel
	Wire     Wire
	// Permitted is called before each round of announcements, and before Keep puts an address back. A process that stood
	// still while its permit ran out must not claim what another unit has by then. Without it, both are always permitted.
	Permitted func() bool
	// Memory is a directory that outlives the process but not the pod. It keeps the MAC address that an interface had
	// before its virtual one. Without it nothing is kept.
	Memory string
	// Identity is the pod's UID. An interface's own MAC address is derived from it where the original is lost.
	Identity string
	Log      logr.Logger
}

// Addresses manages the virtual addresses of one unit, and keeps those that the attachments gave to the same
// interfaces. It does not touch other addresses.
type Addresses struct {
	Options
	memory memory
	// follow reports changes of interfaces and addresses.
	follow func(ctx context.Context, changed func()) error

	mu sync.Mutex
	// decided is set once Set has been called: before, nothing is known to be right or wrong.
	decided bool
	// links holds the interfaces as they were last seen, so that attaching needs no lookup.
	links map[string]rtnetlink.Link
	// spell is the time from attaching to the withdrawal; nil while the addresses are not attached.
	spell chan struct{}
	// attaching notifies Watch that a spell has begun.
	attaching notify.Signal
	// stopAnnouncing ends the repeated announcements and waits for their goroutine.
	stopAnnouncing func()

	// faults are what cannot be held of each network. noted notifies Keep that Set has changed them.
	faults faults
	noted  notify.Signal
	// eitherRole are the faults of each network that do not depend on whether the addresses are attached.
	eitherRole map[string]error
	// paces bound the repairs of Keep, which alone uses them. ownPaces bound those of own addresses.
	paces, ownPaces paces
	// ownAddresses are those that the interfaces had when they were first seen, by interface.
	ownAddresses map[string][]netip.Prefix
}

// New returns the virtual addresses. It changes nothing before the first Set.
func New(o Options) *Addresses {
	if o.Permitted == nil {
		o.Permitted = func() bool { return true }
	}
	return &Addresses{
		Options: o, memory: memory{directory: o.Memory}, follow: rtnetlink.FollowAddresses,
		links: map[string]rtnetlink.Link{}, attaching: notify.New(), noted: notify.New(), stopAnnouncing: func() {},
		faults: faults{}, paces: paces{}, ownPaces: paces{}, ownAddresses: map[string][]netip.Prefix{},
		eitherRole: map[string]error{},
	}
}

// Set attaches all virtual addresses or withdraws all. It continues after an error, so that one interface or one family
// does not affect the addresses of the others. Attaching fails only if no address at all could be attached. What could
// not be attached otherwise is a fault, which Keep reports.
func (a *Addresses) Set(_ context.Context, c Config) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.decided = true
	defer a.noted.Notify()
	if c.Attached {
		return a.attachAll()
	}
	return a.withdrawAll()
}

// virtualOn returns the virtual addresses that an interface has, with any prefix length. On the interface of a network
// that also includes the addresses of other networks, except for link-local ones: each link has its own.
func (a *Addresses) virtualOn(index int, of Network, table []rtnetlink.Address) []rtnetlink.Address {
	var found []rtnetlink.Address
	for _, present := range table {
		if present.Index != index {
			continue
		}
		address := present.Prefix.Addr()
		if of.has(address) || !address.IsLinkLocalUnicast() &&
			slices.ContainsFunc(a.Networks, func(n Network) bool { return n.has(address) }) {
			found = append(found, present)
		}
	}
	return found
}

// has reports whether an address is a virtual one of the network.
func (n Network) has(address netip.Addr) bool {
	return slices.ContainsFunc(n.Addresses, func(p netip.Prefix) bool { return p.Addr() == address })
}
