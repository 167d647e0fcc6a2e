package advertiser

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/firewall/advertiser/message"
	"github.com/hapair-io/hapair/internal/firewall/advertiser/schedule"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/lasting"
	"github.com/hapair-io/hapair/internal/notify"
)

const (
	// lookInterval is the time between regular looks at the interfaces, in case a notification was lost.
	lookInterval = time.Second
	// faultAfter is how long a failure must last before it is reported.
	faultAfter = 2 * time.Second
)

// Kernel has the interfaces and their addresses. rtnetlink.Conn implements it.
type Kernel interface {
	Link(name string) (rtnetlink.Link, error)
	AddressTable() ([]rtnetlink.Address, error)
}

// Advertiser advertises on the networks of the document. Its methods may be called at once.
type Advertiser struct {
	kernel Kernel
	log    logr.Logger
	epoch  time.Time
	// changed is set when the result of Fault may have changed. wake is set when the machine may be due earlier, and
	// moved when interfaces, addresses or the document have changed.
	changed, wake, moved notify.Signal

	mu       sync.Mutex
	networks []document.AdvertisedNetwork
	machine  *schedule.Machine
	ports    map[string]*port // by interface; those that have their virtual address
	fault    lasting.Fault
}

// New returns an advertiser. It does nothing before the first Set.
func New(kernel Kernel, log logr.Logger) *Advertiser {
	return &Advertiser{
		kernel: kernel, log: log, epoch: time.Now(), changed: notify.New(), wake: notify.New(), moved: notify.New(),
		machine: schedule.New(rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))), ports: map[string]*port{},
		fault: lasting.Fault{After: faultAfter},
	}
}

func (a *Advertiser) now() time.Duration { return time.Since(a.epoch) }

// Set makes the networks those of a document. Hosts of a network that the document has no more are told once, by the
// active unit, that the pair is no router for them.
func (a *Advertiser) Set(networks []document.AdvertisedNetwork) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if reflect.DeepEqual(a.networks, networks) {
		return
	}
	for _, final := range a.machine.Set(a.now(), networks) {
		a.explain(final, a.send(final))
	}
	a.networks = networks
	a.moved.Notify()
}

// Fault returns which interfaces are not served and why; empty if all are.
func (a *Advertiser) Fault() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.fault.Reported()
}

// Changed returns a channel that has an item when the result of Fault may have changed.
func (a *Advertiser) Changed() <-chan struct{} { return a.changed }

// Run advertises until the context ends. Then it falls silent, so that hosts keep the pair as their router.
func (a *Advertiser) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var parts sync.WaitGroup
	defer parts.Wait()
	defer a.closeAll()
	defer cancel()
	parts.Go(func() {
		a.moved.Follow(ctx, rtnetlink.FollowAddresses, lookInterval, func(err error) {
			a.log.Error(err, "Following changes of addresses failed, trying again")
		})
	})
	due, looks := time.NewTimer(0), time.NewTicker(lookInterval)
	defer due.Stop()
	defer looks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-looks.C:
			a.look(ctx, &parts)
		case <-a.moved:
			a.look(ctx, &parts)
		case <-a.wake:
		case <-due.C:
		}
		due.Reset(a.advance())
	}
}

// look finds out which networks have their virtual addresses, and opens and closes sockets accordingly.
func (a *Advertiser) look(ctx context.Context, parts *sync.WaitGroup) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.networks) == 0 {
		a.closePorts(func(string) bool { return false })
		a.report(nil)
		return
	}
	table, err := a.kernel.AddressTable()
	if err != nil {
		a.report([]error{err})
		return
	}
	var errs []error
	present := map[string]bool{}
	for _, n := range a.networks {
		isPresent, err := a.lookAt(ctx, parts, n, table)
		present[n.Interface] = isPresent
		if err != nil {
			errs = append(errs, fmt.Errorf("interface %s: %w", n.Interface, err))
		}
	}
	a.closePorts(func(device string) bool { return present[device] })
	a.machine.Observe(a.now(), func(n document.AdvertisedNetwork) bool { return present[n.Interface] })
	a.report(errs)
}

// lookAt reports whether the unit advertises on a network. It does if the interface has the virtual address, and a
// socket. The caller holds the lock.
func (a *Advertiser) lookAt(
	ctx context.Context, parts *sync.WaitGroup, n document.AdvertisedNetwork, table []rtnetlink.Address,
) (isPresent bool, err error) {
	link, err := a.kernel.Link(n.Interface)
	if err != nil {
		return false, err
	}
	if !slices.ContainsFunc(table, func(t rtnetlink.Address) bool {
		return t.Index == link.Index && t.Prefix.Addr() == n.Address && !t.Detecting && !t.Duplicate
	}) {
		return false, nil
	}
	switch p := a.ports[n.Interface]; {
	case p != nil && p.index == link.Index:
		return true, nil
	case p != nil: // The interface was replaced under its name.
		a.closePorts(func(device string) bool { return device != n.Interface })
	}
	p, err := openPort(link)
	if err != nil {
		return false, err
	}
	a.ports[n.Interface] = p
	parts.Go(func() {
		err := p.receive(ctx, func() { a.solicited(n.Interface) })
		a.log.V(1).Info("Stopped listening for router solicitations", "interface", n.Interface, "why", err.Error())
	})
	return true, nil
}

// closePorts closes the sockets of all interfaces but some. The caller holds the lock.
func (a *Advertiser) closePorts(isKept func(device string) bool) {
	for device, p := range a.ports {
		if isKept(device) {
			continue
		}
		delete(a.ports, device)
		if err := p.Close(); err != nil {
			a.log.Error(err, "Closing a packet socket", "interface", device)
		}
	}
}

// closeAll closes all sockets, which ends those who read them.
func (a *Advertiser) closeAll() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closePorts(func(string) bool { return false })
}

// report records what is wrong. The caller holds the lock.
func (a *Advertiser) report(errs []error) {
	var texts []string
	for _, err := range errs {
		texts = append(texts, "spec.routerAdvertisements: "+err.Error())
	}
	if !a.fault.Observe(strings.Join(texts, "; ")) {
		return
	}
	if reported := a.fault.Reported(); reported != "" {
		a.log.Error(errors.New(reported), "Sending router advertisements failed, trying again")
	}
	a.changed.Notify()
}

// solicited takes in a solicitation of a host.
func (a *Advertiser) solicited(device string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.machine.Solicited(a.now(), device)
	a.wake.Notify()
}

// advance sends what is due, and returns the time until the next call.
func (a *Advertiser) advance() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range a.machine.Due(a.now()) {
		err := a.send(m)
		a.machine.Sent(a.now(), m.Interface, err == nil)
		a.explain(m, err)
	}
	next, ok := a.machine.Next()
	if !ok {
		return lookInterval
	}
	return max(next-a.now(), time.Millisecond)
}

// send sends an advertisement from the MAC address that the interface has now. The caller holds the lock.
func (a *Advertiser) send(m schedule.Message) error {
	p := a.ports[m.Interface]
	if p == nil {
		return errors.New("the interface has no socket")
	}
	link, err := a.kernel.Link(m.Interface)
	if err != nil {
		return err
	}
	frame, err := message.Advertisement(m.AdvertisedNetwork, message.MAC(link.MAC), m.IsFinal)
	if err != nil {
		return err
	}
	return p.send(frame)
}

// explain logs why an advertisement was not sent. It is sent again, unless it was a final one.
func (a *Advertiser) explain(m schedule.Message, err error) {
	if err != nil {
		a.log.V(1).Info("Sending a router advertisement failed", "interface", m.Interface, "final", m.IsFinal,
			"error", err.Error())
	}
}
