package nameserver

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/nameserver/cache"
	"github.com/hapair-io/hapair/internal/firewall/nameserver/local"
	"github.com/hapair-io/hapair/internal/firewall/nameserver/message"
	"github.com/hapair-io/hapair/internal/firewall/nameserver/upstream"
)

// maxAliases bounds the aliases between a name and its records. The document has no circles of its own.
const maxAliases = 16

// errUnknown is the error if other servers must be asked.
var errUnknown = errors.New("only other servers know the answer")

// service answers the questions of one document.
type service struct {
	// clients are the hosts that are answered at each address.
	clients map[netip.Addr][]netip.Prefix
	names   *local.Names
	// groups are those of all names, and those of each entry of forwarding.
	groups []*upstream.Group
	epoch  time.Time

	mu    sync.Mutex
	cache *cache.Cache
	// pending are the questions that other servers are asked now.
	pending map[forwarded]*pending
}

// forwarded is a question to a group of servers. Clients with the same question wait for the same answer: each further
// question would be another chance for a stranger to guess its port and ID.
type forwarded struct {
	group    int
	question message.Question
}

// pending is the answer to a forwarded question, once done is closed.
type pending struct {
	done   chan struct{}
	answer message.Answer
	err    error
}

func newService(d document.DNS, leases local.Leases, config upstream.Config) *service {
	s := &service{
		clients: map[netip.Addr][]netip.Prefix{}, names: local.New(d, leases), epoch: time.Now(),
		groups: []*upstream.Group{upstream.NewGroup(config, d.Upstreams)}, pending: map[forwarded]*pending{},
		cache: cache.New(cache.Limits{
			Entries: d.Cache.Size(), Min: d.Cache.Min(), Max: d.Cache.Max(), Negative: d.Cache.Negative(),
		}),
	}
	for _, l := range d.Listeners {
		s.clients[l.Address] = l.Clients
	}
	for _, f := range d.Forwarding {
		s.groups = append(s.groups, upstream.NewGroup(config, f.Upstreams))
	}
	return s
}

func (s *service) now() time.Duration { return time.Since(s.epoch) }

// admits reports whether a client is answered at an address.
func (s *service) admits(address, client netip.Addr) bool {
	return slices.ContainsFunc(s.clients[address], func(p netip.Prefix) bool { return p.Contains(client) })
}

// origin is where an answer comes from.
type origin uint8

const (
	fromHere origin = iota + 1
	fromCache
	fromUpstream
)

// lookup returns the answer of other servers.
type lookup func(f forwarded) (message.Answer, origin, error)

// answer returns the answer to a question. It asks for what the unit does not know itself, and returns the error of
// that.
func (s *service) answer(q message.Query, ask lookup) (message.Answer, origin, error) {
	var aliases []dns.RR
	question := q.Question
	for range maxAliases {
		d := s.names.Decide(question)
		a, from := d.Answer, fromHere
		if d.Kind == local.Forwarded {
			if !q.IsRecursive() {
				return message.Answer{Rcode: dns.RcodeRefused}, fromHere, nil
			}
			var err error
			if a, from, err = ask(forwarded{d.Group, question}); err != nil {
				return message.Answer{}, 0, err
			}
		}
		a.Records = append(aliases, a.Records...)
		if d.Kind != local.Aliased {
			return a, from, nil
		}
		aliases, question.Name = a.Records, d.Alias
	}
	return message.Failed(), fromHere, nil
}

// cached returns an answer from the cache.
func (s *service) cached(f forwarded) (message.Answer, origin, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.cache.Get(s.now(), f.question); ok {
		return a, fromCache, nil
	}
	return message.Answer{}, 0, errUnknown
}

// ask returns an answer from the cache, or asks other servers.
func (s *service) ask(ctx context.Context, f forwarded) (message.Answer, origin, error) {
	s.mu.Lock()
	if a, ok := s.cache.Get(s.now(), f.question); ok {
		s.mu.Unlock()
		return a, fromCache, nil
	}
	p, isPending := s.pending[f]
	if !isPending {
		p = &pending{done: make(chan struct{})}
		s.pending[f] = p
	}
	s.mu.Unlock()
	if !isPending {
		s.forward(ctx, f, p)
	}
	select {
	case <-p.done:
		return p.answer, fromUpstream, p.err
	case <-ctx.Done():
		return message.Answer{}, 0, ctx.Err()
	}
}

// forward asks the servers, and keeps the answer.
func (s *service) forward(ctx context.Context, f forwarded, p *pending) {
	p.answer, p.err = s.groups[f.group].Ask(ctx, f.question)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, f)
	if p.err == nil {
		s.cache.Put(s.now(), f.question, p.answer)
	}
	close(p.done)
}

// cacheLen returns how many answers the cache has.
func (s *service) cacheLen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cache.Len()
}
