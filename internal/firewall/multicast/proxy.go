package multicast

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/lasting"
	"github.com/hapair-io/hapair/internal/localapi/client"
	"github.com/hapair-io/hapair/internal/notify"
)

const (
	// retryPause is the time until the kernel's routing is opened again after a failure.
	retryPause = time.Second
	// countInterval is the time between two looks at how many packets have used each route.
	countInterval = 30 * time.Second
	// faultAfter is how long a failure must last before it is reported.
	faultAfter = 2 * time.Second
)

// Peer is where the other unit gets entries from. Its methods must not wait, and must not call the proxy.
type Peer interface {
	Put(Entry)
	Delete(key string)
}

// Proxy runs the multicast routing of the document. Its methods may be called at once.
type Proxy struct {
	log   logr.Logger
	epoch time.Time
	// replica connects the proxy to the class on the other unit. It may be nil.
	replica *client.Provider
	changed notify.Signal
	// restart is set when the interfaces or the document have changed.
	restart notify.Signal
	// wake is set when the machine may be due earlier.
	wake notify.Signal
	// moved is set when interfaces or addresses have changed.
	moved notify.Signal

	mu sync.Mutex
	// wanted is nil while the document has no multicast.
	wanted  *Config
	machine *Machine
	// session is the open routing; nil while it is closed.
	session *session
	peer    Peer
	active  bool
	// received are the entries of the active unit, since the document may come after them.
	received map[string]receivedEntry
	fault    lasting.Fault
	// refused is what was logged of refusals.
	refused contract.MulticastCounts
}

// New returns a proxy. It does nothing before the first Set.
func New(log logr.Logger) *Proxy {
	return &Proxy{
		log: log, epoch: time.Now(), changed: notify.New(), restart: notify.New(), wake: notify.New(), moved: notify.New(),
		fault: lasting.Fault{After: faultAfter}, received: map[string]receivedEntry{},
	}
}

func (p *Proxy) now() time.Duration { return time.Since(p.epoch) }

// Connect sets where the other unit gets entries from.
func (p *Proxy) Connect(peer Peer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peer = peer
}

// Set makes the routing that of a document; nil ends it.
func (p *Proxy) Set(wanted *Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if reflect.DeepEqual(p.wanted, wanted) {
		return
	}
	entries := p.remembered()
	if p.machine != nil {
		entries = p.machine.Entries(p.now())
	}
	p.wanted, p.machine, p.refused = wanted, nil, contract.MulticastCounts{}
	if wanted != nil {
		p.machine = NewMachine(*wanted, func(d time.Duration) time.Duration {
			return rand.N(max(d, 1)) //nolint:gosec // The time of an answer is no secret.
		})
		for _, e := range entries {
			_, _ = p.machine.Restore(p.now(), e) // What the new document no longer forwards is left out.
		}
		p.execute(p.machine.Become(p.now(), p.active))
	}
	p.restart.Notify()
}

// Become starts or ends the unit's time as active.
func (p *Proxy) Become(active bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active = active
	if p.machine != nil {
		p.execute(p.machine.Become(p.now(), active))
	}
}

// Entries returns everything that the other unit must have.
func (p *Proxy) Entries() []Entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.machine == nil {
		return nil
	}
	return p.machine.Entries(p.now())
}

// receivedEntry is an entry of the active unit, and when it was received.
type receivedEntry struct {
	Entry
	at time.Duration
}

// remembered returns the entries that were received, with the life that they have left.
func (p *Proxy) remembered() []Entry {
	entries := make([]Entry, 0, len(p.received))
	for _, r := range p.received {
		if r.Life > 0 {
			r.Life = max(r.Life-(p.now()-r.at), time.Millisecond)
		}
		entries = append(entries, r.Entry)
	}
	return entries
}

// Replace takes in all entries of the active unit.
func (p *Proxy) Replace(entries []Entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	gone := map[string]bool{}
	for key := range p.received {
		gone[key] = true
	}
	if p.machine != nil { // It also has what this unit learned while it was active.
		for _, e := range p.machine.Entries(p.now()) {
			gone[e.Key] = true
		}
	}
	for _, e := range entries {
		delete(gone, e.Key)
	}
	for key := range gone { // They come first, since the table may be full.
		p.forget(key)
	}
	for _, e := range entries {
		p.restore(e)
	}
}

// Restore takes in an entry of the active unit.
func (p *Proxy) Restore(e Entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.restore(e)
}

func (p *Proxy) restore(e Entry) {
	p.received[e.Key] = receivedEntry{e, p.now()}
	if p.machine == nil {
		return
	}
	effects, err := p.machine.Restore(p.now(), e)
	if err != nil {
		p.log.Error(err, "Refused an entry of the active unit")
		return
	}
	p.execute(effects)
}

// Forget takes in that the active unit no longer has an entry.
func (p *Proxy) Forget(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forget(key)
}

func (p *Proxy) forget(key string) {
	delete(p.received, key)
	if p.machine != nil {
		p.execute(p.machine.Forget(p.now(), key))
	}
}

// Fault returns why multicast is not routed; empty if it is, or if the document has none.
func (p *Proxy) Fault() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault.Reported()
}

// Changed returns a channel that has an item when the result of Fault may have changed.
func (p *Proxy) Changed() <-chan struct{} { return p.changed }

// Run routes until the context ends.
func (p *Proxy) Run(ctx context.Context) {
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { p.follow(ctx) })
	if p.replica != nil {
		parts.Go(func() { p.replica.Run(ctx) })
	}
	for ctx.Err() == nil {
		p.mu.Lock()
		wanted := p.wanted
		p.mu.Unlock()
		if wanted == nil {
			p.observe(nil)
			select {
			case <-ctx.Done():
			case <-p.restart:
			}
			continue
		}
		err := p.route(ctx, *wanted)
		if ctx.Err() != nil {
			return
		}
		p.observe(err)
		if err != nil && !backoff.Sleep(ctx, retryPause) {
			return
		}
	}
}

// follow signals changes of interfaces and addresses.
func (p *Proxy) follow(ctx context.Context) {
	p.moved.Follow(ctx, rtnetlink.FollowAddresses, retryPause, func(err error) {
		p.log.Error(err, "Following changes of addresses failed, trying again")
	})
}

// refresh asks the hosts again if addresses have changed. It reports whether an interface was replaced.
func (p *Proxy) refresh(s *session) (replaced bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	changed, replaced := s.refresh()
	if changed && p.machine != nil {
		p.execute(p.machine.Requery(p.now()))
	}
	return replaced
}

// observe records what is wrong.
func (p *Proxy) observe(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := ""
	if err != nil {
		text = "spec.multicast: " + err.Error()
	}
	if !p.fault.Observe(text) {
		return
	}
	if reported := p.fault.Reported(); reported != "" {
		p.log.Error(errors.New(reported), "Routing multicast failed, trying again")
	}
	p.changed.Notify()
}

// route runs one session: until the document or the interfaces change, a part fails, or the context ends.
func (p *Proxy) route(ctx context.Context, wanted Config) error {
	s, err := openSession(wanted)
	if err != nil {
		return err
	}
	p.mu.Lock()
	if p.machine == nil || !reflect.DeepEqual(*p.wanted, wanted) {
		p.mu.Unlock()
		return s.close()
	}
	p.session = s
	p.execute(p.machine.Routes())
	p.execute(p.machine.Requery(p.now()))
	p.mu.Unlock()
	p.observe(nil)
	p.log.Info("Routing multicast", "upstream", wanted.Upstream, "downstream", wanted.Downstream)

	failed := make(chan error, len(s.routers))
	var parts sync.WaitGroup
	for _, r := range s.routers {
		parts.Go(func() { failed <- p.receive(s, r) })
	}
	err = p.serve(ctx, s, failed)
	p.mu.Lock()
	p.session = nil
	p.mu.Unlock()
	err = errors.Join(err, s.close())
	parts.Wait()
	return err
}

// serve carries out what is due until the session ends.
func (p *Proxy) serve(ctx context.Context, s *session, failed <-chan error) error {
	count := time.NewTicker(countInterval)
	defer count.Stop()
	due := time.NewTimer(0)
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.restart:
			return nil
		case err := <-failed:
			return err
		case <-count.C:
			p.count()
		case <-p.moved:
			if p.refresh(s) {
				return nil
			}
		case <-p.wake:
		case <-due.C:
		}
		due.Reset(p.advance())
	}
}

// advance carries out what is due, and returns the time until the next call.
func (p *Proxy) advance() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.machine == nil {
		return countInterval
	}
	p.perform(p.machine.Advance(p.now()))
	if next, ok := p.machine.Next(p.now()); ok {
		return max(next-p.now(), time.Millisecond)
	}
	return countInterval
}

// count removes the routes that no packet uses.
func (p *Proxy) count() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.machine == nil || p.session == nil {
		return
	}
	p.logRefused()
	for _, stream := range p.machine.Streams() {
		if packets, err := p.session.packets(stream); err == nil {
			p.execute(p.machine.Counted(p.now(), stream, packets))
		}
	}
}

// execute carries out effects, after which the machine may be due earlier. The caller holds the lock.
func (p *Proxy) execute(effects []Effect) {
	p.perform(effects)
	p.wake.Notify()
}

// perform carries out effects. The caller holds the lock.
func (p *Proxy) perform(effects []Effect) {
	for _, effect := range effects {
		var err error
		switch e := effect.(type) {
		case Publish:
			if p.peer != nil {
				p.peer.Put(e.Entry)
			}
		case Retract:
			if p.peer != nil {
				p.peer.Delete(e.Key)
			}
		default:
			if p.session != nil {
				err = p.session.execute(e)
			}
		}
		if err != nil {
			p.log.V(1).Info("Multicast routing was refused", "error", err.Error())
		}
	}
}

// receive passes what a router receives to the machine until the router is closed.
func (p *Proxy) receive(s *session, r *familyRouter) error {
	for {
		packet, err := r.Receive()
		if err != nil {
			return err
		}
		p.mu.Lock()
		if p.session == s && p.machine != nil {
			p.execute(s.receive(p.machine, p.now(), r, packet))
		}
		p.mu.Unlock()
	}
}

// lowest reports whether another router's address wins the election of the querier (RFC 3376, 6.6.2).
func lowest(other, own netip.Addr) bool { return !own.IsValid() || other.Less(own) }
