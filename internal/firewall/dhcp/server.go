package dhcp

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/addresses/frame"
	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/dhcp/information"
	"github.com/hapair-io/hapair/internal/firewall/dhcp/message"
	"github.com/hapair-io/hapair/internal/firewall/dhcp/pool"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/lasting"
	"github.com/hapair-io/hapair/internal/localapi/client"
	"github.com/hapair-io/hapair/internal/notify"
)

const (
	// retryPause is the time until the sockets of an interface are opened again after a failure.
	retryPause = time.Second
	// faultAfter is how long a failure must last before it is reported.
	faultAfter = 2 * time.Second
	// logInterval is the time between two messages about requests without an answer.
	logInterval = 30 * time.Second
)

// Server serves the networks of the document. Its methods may be called at once.
type Server struct {
	log   logr.Logger
	epoch time.Time
	// replica connects the server to the class on the other unit. It may be nil.
	replica *client.Provider
	changed notify.Signal
	// restart is set when the document has changed, and wake when the machine may be due earlier.
	restart, wake notify.Signal

	mu sync.Mutex
	// networks are those of the document; none if it has no DHCP. informed are those of DHCPv6.
	networks []document.DHCPNetwork
	informed []document.DHCPv6Network
	machine  *pool.Machine
	ports    map[string]*port // by interface; those that are open
	isActive bool
	// received are the entries of the active unit, since the document may come after them.
	received map[string]receivedEntry
	faults   lasting.Faults[string] // by interface
	// malformed counts requests that are no messages, told the answers of DHCPv6, and logged is what was logged of others.
	malformed int
	told      int
	logged    contract.DHCPCounts
}

// New returns a server. It does nothing before the first Set.
func New(log logr.Logger) *Server {
	return &Server{
		log: log, epoch: time.Now(), changed: notify.New(), restart: notify.New(), wake: notify.New(),
		machine: pool.New(nil), ports: map[string]*port{}, received: map[string]receivedEntry{},
		faults: lasting.Faults[string]{After: faultAfter},
	}
}

func (s *Server) now() time.Duration { return time.Since(s.epoch) }

// Set makes the networks of DHCP and of DHCPv6 those of a document; none ends the service. Hosts keep the addresses
// that they have, if the document has their network.
func (s *Server) Set(networks []document.DHCPNetwork, informed []document.DHCPv6Network) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !reflect.DeepEqual(s.informed, informed) {
		s.informed, s.told = informed, 0
		s.faults.Clear()
		s.restart.Notify()
		s.changed.Notify()
	}
	if reflect.DeepEqual(s.networks, networks) {
		return
	}
	entries := append(s.remembered(), s.machine.Entries(s.now())...)
	s.networks, s.machine, s.malformed, s.logged = networks, pool.New(networks), 0, contract.DHCPCounts{}
	for _, e := range entries {
		if s.machine.Restore(s.now(), e) != nil && s.replica != nil {
			s.replica.Delete(e.Key) // The new document has no network for it.
		}
	}
	s.machine.Become(s.isActive)
	s.faults.Clear()
	s.restart.Notify()
	s.changed.Notify()
}

// Become starts or ends the unit's time as active.
func (s *Server) Become(isActive bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isActive = isActive
	s.machine.Become(isActive)
	if isActive {
		clear(s.received) // From now on, this unit knows better.
	}
}

// AddressOf returns the address of the host with a name, which is that of the host and the domain of its network.
func (s *Server) AddressOf(name string) (netip.Addr, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.machine.AddressOf(s.now(), name)
}

// NameOf returns the name of the host that has an address, in the same form.
func (s *Server) NameOf(a netip.Addr) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.machine.NameOf(s.now(), a)
}

// Counts returns what there is of leases.
func (s *Server) Counts() contract.DHCPCounts {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := s.machine.Counts()
	counts.Ignored += s.malformed
	counts.Informed = s.told
	return counts
}

// Fault returns which interfaces are not served and why; empty if all are.
func (s *Server) Fault() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.Reported()
}

// Changed returns a channel that has an item when the result of Fault may have changed.
func (s *Server) Changed() <-chan struct{} { return s.changed }

// Run serves until the context ends.
func (s *Server) Run(ctx context.Context) {
	var parts sync.WaitGroup
	defer parts.Wait()
	if s.replica != nil {
		parts.Go(func() { s.replica.Run(ctx) })
	}
	parts.Go(func() { s.keepTime(ctx) })
	for ctx.Err() == nil {
		s.serve(ctx)
	}
}

// serve serves the interfaces of the document until it changes.
func (s *Server) serve(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var parts sync.WaitGroup
	defer parts.Wait()
	for _, device := range s.interfaces() {
		parts.Go(func() { s.serveInterface(ctx, device) })
	}
	select {
	case <-ctx.Done():
	case <-s.restart:
	}
	cancel()
}

// interfaces returns the interfaces of the document.
func (s *Server) interfaces() (devices []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.networks {
		devices = append(devices, n.Interface)
	}
	for _, n := range s.informed {
		devices = append(devices, n.Interface)
	}
	slices.Sort(devices)
	return slices.Compact(devices)
}

// serveInterface serves an interface until the context ends.
func (s *Server) serveInterface(ctx context.Context, device string) {
	for ctx.Err() == nil {
		err := s.listen(ctx, device)
		if ctx.Err() != nil {
			return
		}
		s.observe(device, err)
		backoff.Sleep(ctx, retryPause)
	}
}

// listen serves an interface until it is gone or the context ends.
func (s *Server) listen(ctx context.Context, device string) error {
	p, err := openPort(device)
	if err != nil {
		return err
	}
	s.plug(device, p)
	s.observe(device, nil)
	failed := make(chan error, 3)
	var parts sync.WaitGroup
	parts.Go(func() {
		failed <- p.receive(p.requests, func(from message.MAC, data []byte) { s.request(device, from, data) })
	})
	parts.Go(func() {
		failed <- p.receive(p.claims, func(_ message.MAC, data []byte) { s.claim(device, data) })
	})
	parts.Go(func() {
		failed <- p.receive(p.questions, func(from message.MAC, data []byte) { s.question(device, from, data) })
	})
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	s.plug(device, nil)
	err = errors.Join(err, p.close())
	parts.Wait()
	return err
}

// plug sets or removes the sockets of an interface.
func (s *Server) plug(device string, p *port) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p == nil {
		delete(s.ports, device)
		return
	}
	s.ports[device] = p
}

// observe records what is wrong with an interface.
func (s *Server) observe(device string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := ""
	if err != nil {
		text = fmt.Sprintf("%s: interface %s: %v", s.fieldsOf(device), device, err)
	}
	reported, changed := s.faults.Observe(device, text)
	if !changed {
		return
	}
	if reported != "" {
		s.log.Error(errors.New(reported), "Serving DHCP failed, trying again")
	}
	s.changed.Notify()
}

// fieldsOf returns which fields of the document have an interface. The caller holds the lock.
func (s *Server) fieldsOf(device string) string {
	var fields []string
	if s.serves(device) {
		fields = append(fields, "spec.dhcp")
	}
	if s.informing(device) >= 0 {
		fields = append(fields, "spec.dhcpv6")
	}
	return strings.Join(fields, " and ")
}

// serves reports whether the hosts on an interface get addresses. The caller holds the lock.
func (s *Server) serves(device string) bool {
	return slices.ContainsFunc(s.networks, func(n document.DHCPNetwork) bool { return n.Interface == device })
}

// informing returns the index of the network of DHCPv6 on an interface; -1 without one. The caller holds the lock.
func (s *Server) informing(device string) int {
	return slices.IndexFunc(s.informed, func(n document.DHCPv6Network) bool { return n.Interface == device })
}

// request takes in a packet of an interface.
func (s *Server) request(device string, from message.MAC, data []byte) {
	r, err := message.Parse(data)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.serves(device) {
		return // Its hosts are answered by DHCPv6 alone.
	}
	if err != nil {
		s.malformed++
		return
	}
	s.execute(s.machine.Receive(s.now(), pool.Arrival{Interface: device, From: from}, r))
}

// question takes in an IPv6 packet of an interface. Like the gate, the role keeps a standby silent.
func (s *Server) question(device string, from message.MAC, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.informing(device)
	if i < 0 || !s.isActive {
		return
	}
	r, err := information.Parse(data)
	if err != nil {
		s.malformed++
		return
	}
	reply, ok := r.Reply(s.informed[i])
	if p := s.ports[device]; ok && p != nil {
		s.told++
		s.explain(p.reply(from, reply))
	}
}

// claim takes in an ARP frame of an interface.
func (s *Server) claim(device string, data []byte) {
	c, ok := frame.ParseClaim(data)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.execute(s.machine.Claimed(s.now(), device, c.Address, c.MAC))
}

// keepTime carries out what is due until the context ends.
func (s *Server) keepTime(ctx context.Context) {
	due := time.NewTimer(0)
	defer due.Stop()
	logs := time.NewTicker(logInterval)
	defer logs.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-logs.C:
			s.logRefused()
		case <-s.wake:
		case <-due.C:
		}
		due.Reset(s.advance())
	}
}

// advance carries out what is due, and returns the time until the next call.
func (s *Server) advance() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.perform(s.machine.Advance(s.now()))
	return max(s.machine.Next()-s.now(), time.Millisecond)
}

// execute carries out effects, after which the machine may be due earlier. The caller holds the lock.
func (s *Server) execute(effects []pool.Effect) {
	if len(effects) > 0 {
		s.perform(effects)
		s.wake.Notify()
	}
}

// perform carries out effects. The caller holds the lock.
func (s *Server) perform(effects []pool.Effect) {
	for _, effect := range effects {
		switch e := effect.(type) {
		case pool.Send:
			s.send(e)
		case pool.Acknowledge:
			s.acknowledge(e)
		case pool.Probe:
			if p := s.ports[e.Interface]; p != nil {
				s.explain(p.probe(e.Address))
			}
		case pool.Publish:
			if s.replica != nil {
				s.replica.Put(client.Entry(e.Entry))
			}
		case pool.Retract:
			if s.replica != nil {
				s.replica.Delete(e.Key)
			}
		}
	}
}

// acknowledge answers once the other unit has the lease. Otherwise, a new active could give the address to another
// host. The caller holds the lock.
func (s *Server) acknowledge(a pool.Acknowledge) {
	if s.replica == nil {
		s.send(a.Send)
		return
	}
	s.replica.PutDurable(client.Entry(a.Entry), func(isWritten bool) {
		if !isWritten {
			return // The host repeats its request, maybe to the other unit.
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.isActive {
			s.send(a.Send)
		}
	})
}

// send sends a packet. The caller holds the lock.
func (s *Server) send(e pool.Send) {
	if p := s.ports[e.Interface]; p != nil {
		s.explain(p.send(e.Packet))
	}
}

// explain logs why a packet was not sent. The host repeats its request.
func (s *Server) explain(err error) {
	if err != nil {
		s.log.V(1).Info("Sending to a host failed", "error", err.Error())
	}
}

// logRefused logs that hosts got no address since the last call.
func (s *Server) logRefused() {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := s.machine.Counts()
	exhausted, conflicts := counts.Exhausted-s.logged.Exhausted, counts.Conflicts-s.logged.Conflicts
	s.logged = counts
	if exhausted > 0 || conflicts > 0 {
		s.log.Info("Hosts asked for addresses that are not free", "withoutAddress", exhausted, "conflicts", conflicts,
			"leases", counts.Leases, "addresses", counts.Addresses)
	}
}
