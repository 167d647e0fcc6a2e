package nameserver

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/nameserver/local"
	"github.com/hapair-io/hapair/internal/firewall/nameserver/message"
	"github.com/hapair-io/hapair/internal/firewall/nameserver/upstream"
	"github.com/hapair-io/hapair/internal/lasting"
	"github.com/hapair-io/hapair/internal/notify"
)

const (
	// retryPause is the time until the sockets of an address are opened again after a failure.
	retryPause = time.Second
	// faultAfter is how long a failure must last before it is reported.
	faultAfter = 2 * time.Second
)

// Server answers the questions of hosts. Its methods may be called at once.
type Server struct {
	log    logr.Logger
	leases local.Leases
	// port and prepare are those of the sockets.
	port    uint16
	prepare func(network, address string, c syscall.RawConn) error
	changed notify.Signal
	// restart is set when the document has changed.
	restart            notify.Signal
	questions, streams *limits
	counts             counts

	mu      sync.Mutex
	config  document.DNS
	service *service // nil without DNS
	faults  lasting.Faults[netip.Addr]
}

// counts are how often something happened.
type counts struct {
	known, cached, forwarded, failed, refused, strangers, dropped atomic.Int64
	answers, failures, foreign                                    atomic.Int64
}

// New returns a server that knows hosts by their leases. It does nothing before the first Set.
func New(log logr.Logger, leases local.Leases) *Server {
	return &Server{
		log: log, leases: leases, port: document.PortDNS, prepare: prepareSocket,
		changed: notify.New(), restart: notify.New(),
		questions: newLimits(maxQuestions, maxQuestionsOfClient), streams: newLimits(maxStreams, maxStreamsOfClient),
		faults: lasting.Faults[netip.Addr]{After: faultAfter},
	}
}

// Set makes it the server of a document. Addresses of both the document before and the new one are served without a
// gap. The cache begins empty.
func (s *Server) Set(d document.DNS) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if reflect.DeepEqual(s.config, d) {
		return
	}
	s.config, s.service = d, nil
	if d.IsEnabled() {
		s.service = newService(d, s.leases, upstream.Config{
			Control: s.prepare, IsCaseRandom: d.RandomCase == document.ChoiceEnabled,
			Foreign: func() { s.counts.foreign.Add(1) }, Asked: s.asked, Changed: s.explain,
		})
	}
	s.faults.Clear()
	s.restart.Notify()
	s.changed.Notify()
}

// asked counts a question to another server.
func (s *Server) asked(err error) {
	if err != nil {
		s.counts.failures.Add(1)
		return
	}
	s.counts.answers.Add(1)
}

// explain logs that a server is asked last from now on, or first again.
func (s *Server) explain(server netip.AddrPort, err error) {
	if err != nil {
		s.log.Error(err, "Asking a DNS server failed, asking others first", "server", server.String())
		return
	}
	s.log.Info("A DNS server answers again", "server", server.String())
}

// current returns the service of the document; nil without one.
func (s *Server) current() *service {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.service
}

// Counts returns how often something happened since the program began.
func (s *Server) Counts() contract.DNSCounts {
	c := &s.counts
	counts := contract.DNSCounts{
		Known: c.known.Load(), Cached: c.cached.Load(), Forwarded: c.forwarded.Load(), Failed: c.failed.Load(),
		Refused: c.refused.Load(), Strangers: c.strangers.Load(), Dropped: c.dropped.Load(),
		UpstreamAnswers: c.answers.Load(), UpstreamFailures: c.failures.Load(), Foreign: c.foreign.Load(),
	}
	if service := s.current(); service != nil {
		counts.CacheEntries = service.cacheLen()
	}
	return counts
}

// Fault returns which addresses are not served and why; empty if all are.
func (s *Server) Fault() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.Reported()
}

// Changed returns a channel that has an item when the result of Fault may have changed.
func (s *Server) Changed() <-chan struct{} { return s.changed }

// running is an address that is served.
type running struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// Run serves until the context ends.
func (s *Server) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := map[netip.Addr]running{}
	for {
		s.follow(ctx, served)
		select {
		case <-ctx.Done():
			for _, r := range served {
				<-r.done
			}
			return
		case <-s.restart:
		}
	}
}

// follow begins to serve addresses that the document has, and ends those that it no longer has.
func (s *Server) follow(ctx context.Context, served map[netip.Addr]running) {
	wanted := s.addresses()
	for address, r := range served {
		if !slices.Contains(wanted, address) {
			r.cancel()
			<-r.done
			delete(served, address)
		}
	}
	for _, address := range wanted {
		if _, isServed := served[address]; isServed {
			continue
		}
		own, cancel := context.WithCancel(ctx)
		r := running{cancel, make(chan struct{})}
		served[address] = r
		go func() {
			defer close(r.done)
			s.serveAddress(own, address)
		}()
	}
}

// addresses returns the addresses of the document.
func (s *Server) addresses() (all []netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.config.Listeners {
		all = append(all, l.Address)
	}
	return all
}

// serveAddress serves an address until the context ends.
func (s *Server) serveAddress(ctx context.Context, address netip.Addr) {
	for ctx.Err() == nil {
		l, err := s.openListener(ctx, address)
		if err == nil {
			s.observe(address, nil)
			err = l.serve(ctx)
		}
		if ctx.Err() != nil {
			return
		}
		s.observe(address, err)
		backoff.Sleep(ctx, retryPause)
	}
}

// observe records what is wrong with an address.
func (s *Server) observe(address netip.Addr, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := ""
	if err != nil {
		text = fmt.Sprintf("spec.dns: address %s: %v", address, err)
	}
	reported, changed := s.faults.Observe(address, text)
	if !changed {
		return
	}
	if reported != "" {
		s.log.Error(errors.New(reported), "Serving DNS failed, trying again")
	}
	s.changed.Notify()
}

// replyNow returns the message with the answer, if no other server must be asked.
func (s *Server) replyNow(service *service, q message.Query) ([]byte, bool) {
	a, from, err := service.answer(q, service.cached)
	if err != nil {
		return nil, false
	}
	s.count(from)
	return q.Reply(a), true
}

// reply returns the message with the answer, and asks other servers for it.
func (s *Server) reply(ctx context.Context, service *service, q message.Query) []byte {
	a, from, err := service.answer(q, func(f forwarded) (message.Answer, origin, error) { return service.ask(ctx, f) })
	if err != nil {
		if ctx.Err() != nil {
			return nil // The client asks again.
		}
		s.log.V(1).Info("Asking DNS servers failed", "error", err.Error())
		s.counts.failed.Add(1)
		return q.Reply(message.Failed())
	}
	s.count(from)
	return q.Reply(a)
}

// count counts an answer.
func (s *Server) count(from origin) {
	switch from {
	case fromHere:
		s.counts.known.Add(1)
	case fromCache:
		s.counts.cached.Add(1)
	case fromUpstream:
		s.counts.forwarded.Add(1)
	}
}
