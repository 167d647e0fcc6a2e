package own

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/notify"
)

const (
	// retryPause is the time after which Run follows the addresses again if that has failed.
	retryPause = time.Second
	// settlePause is how long Run collects changes, so that many at once cost one reading. A takeover, whose addresses
	// change too, is over by then. Reading them takes a lock of the kernel for which it would wait.
	settlePause = 20 * time.Millisecond
)

// Config configures Addresses.
type Config struct {
	// Virtual are the addresses that the pair shares. They are no unit's own, whichever unit has them.
	Virtual []netip.Addr
	// Read returns the addresses of this unit's interfaces.
	Read func() ([]netip.Addr, error)
	// Follow calls changed when the addresses may have changed, until ctx ends. If it is nil, they are only read again
	// when a class needs them.
	Follow func(ctx context.Context, changed func()) error
}

// Addresses are the own addresses of both units. Its methods are safe for concurrent use.
type Addresses struct {
	config  Config
	virtual map[netip.Addr]struct{}
	both    atomic.Pointer[map[netip.Addr]struct{}] // of both units; replaced as a whole

	reading sync.Mutex // held while the addresses are read, so that an older list never replaces a newer one

	mu          sync.Mutex
	unit, peer  []netip.Addr // sorted, without duplicates
	subscribers []func()
}

// New returns the addresses of no unit until Refresh.
func New(config Config) *Addresses {
	a := &Addresses{config: config, virtual: map[netip.Addr]struct{}{}}
	for _, v := range config.Virtual {
		a.virtual[v.Unmap()] = struct{}{}
	}
	a.both.Store(&map[netip.Addr]struct{}{})
	return a
}

// Has reports whether an address is the own address of one of the units.
func (a *Addresses) Has(address netip.Addr) bool {
	_, ok := (*a.both.Load())[address]
	return ok
}

// IsVirtual reports whether the pair shares an address.
func (a *Addresses) IsVirtual(address netip.Addr) bool {
	_, ok := a.virtual[address]
	return ok
}

// Unit returns the own addresses of this unit, sorted. The caller must not change them.
func (a *Addresses) Unit() []netip.Addr {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.unit
}

// Subscribe adds a function that is called after each change of the addresses, from the goroutine that made it.
func (a *Addresses) Subscribe(changed func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.subscribers = append(a.subscribers, changed)
}

// Refresh reads the addresses of this unit.
func (a *Addresses) Refresh() error {
	changed, err := a.read()
	if err != nil {
		return fmt.Errorf("reading the unit's own addresses: %w", err)
	}
	for _, f := range changed {
		f()
	}
	return nil
}

// read reads the addresses, and returns whom to notify if they have changed.
func (a *Addresses) read() (notify []func(), err error) {
	a.reading.Lock()
	defer a.reading.Unlock()
	list, err := a.config.Read()
	if err != nil {
		return nil, err
	}
	return a.replace(&a.unit, list), nil
}

// SetPeer sets the own addresses of the peer. They stay known when the session with it ends.
func (a *Addresses) SetPeer(list []netip.Addr) {
	for _, f := range a.replace(&a.peer, list) {
		f()
	}
}

// replace sets the addresses of one unit, and returns whom to notify if they have changed.
func (a *Addresses) replace(of *[]netip.Addr, list []netip.Addr) (notify []func()) {
	list = a.normalize(list)
	a.mu.Lock()
	defer a.mu.Unlock()
	if slices.Equal(*of, list) {
		return nil
	}
	*of = list
	both := make(map[netip.Addr]struct{}, len(a.unit)+len(a.peer))
	for _, address := range slices.Concat(a.unit, a.peer) {
		both[address] = struct{}{}
	}
	a.both.Store(&both)
	return a.subscribers
}

// normalize returns the addresses that a unit does not share, sorted and without duplicates. Addresses that are valid
// on one link or host only are left out, because no class replicates them.
func (a *Addresses) normalize(list []netip.Addr) []netip.Addr {
	var addresses []netip.Addr
	for _, address := range list {
		address = address.Unmap().WithZone("")
		_, isVirtual := a.virtual[address]
		if address.IsValid() && !isVirtual && !address.IsLoopback() && !address.IsLinkLocalUnicast() {
			addresses = append(addresses, address)
		}
	}
	slices.SortFunc(addresses, netip.Addr.Compare)
	return slices.Compact(addresses)
}

// Run reads the addresses soon after they may have changed, until ctx ends. It reports each failure and tries again.
func (a *Addresses) Run(ctx context.Context, report func(error)) {
	if a.config.Follow == nil {
		return
	}
	changed := notify.New()
	var following sync.WaitGroup
	defer following.Wait()
	following.Go(func() {
		changed.Follow(ctx, a.config.Follow, retryPause, func(err error) {
			report(fmt.Errorf("following the unit's own addresses: %w", err))
		})
	})
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
		if !backoff.Sleep(ctx, settlePause) {
			return
		}
		if err := a.Refresh(); err != nil {
			report(err)
		}
	}
}

// OfInterfaces returns the addresses of all interfaces of this network namespace.
func OfInterfaces() ([]netip.Addr, error) {
	networks, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	addresses := make([]netip.Addr, 0, len(networks))
	for _, n := range networks {
		network, ok := n.(*net.IPNet)
		if !ok {
			return nil, errors.New("an interface has an address of an unknown kind: " + n.String())
		}
		if address, ok := netip.AddrFromSlice(network.IP); ok {
			addresses = append(addresses, address)
		}
	}
	return addresses, nil
}
