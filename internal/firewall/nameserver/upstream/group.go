package upstream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/nameserver/message"
)

const (
	// askTimeout bounds a question to all servers together. Clients wait for about five seconds.
	askTimeout = 4500 * time.Millisecond
	// rounds is how often each server is asked.
	rounds = 3
	// roundPause is the least time between two rounds. Right after a promotion, routes and addresses can be missing for a
	// moment, and no server can be asked.
	roundPause = 200 * time.Millisecond
)

// Group is a list of servers that know the same names. Its methods may be called at once.
type Group struct {
	config  Config
	servers []document.DNSUpstream
	epoch   time.Time

	mu     sync.Mutex
	health []health
}

// NewGroup returns a group of servers.
func NewGroup(config Config, servers []document.DNSUpstream) *Group {
	return &Group{config: config, servers: servers, epoch: time.Now(), health: make([]health, len(servers))}
}

// Ask asks the servers until one answers.
func (g *Group) Ask(ctx context.Context, q message.Question) (message.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var errs []error
	for round := range rounds {
		if round > 0 && !backoff.Sleep(ctx, roundPause) {
			break
		}
		var isUnanswered bool
		errs = nil
		for _, i := range g.order() {
			a, isReachable, err := g.askServer(ctx, i, q)
			if err == nil {
				return a, nil
			}
			errs = append(errs, fmt.Errorf("asking %s: %w", g.servers[i].AddrPort(), err))
			isUnanswered = isUnanswered || !isReachable
			if ctx.Err() != nil {
				return message.Answer{}, errors.Join(errs...)
			}
		}
		if !isUnanswered {
			break // Every server has answered that it cannot tell.
		}
	}
	return message.Answer{}, errors.Join(errs...)
}

// order returns the numbers of the servers in the order in which to ask them.
func (g *Group) order() []int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return order(g.now(), g.health)
}

func (g *Group) now() time.Duration { return time.Since(g.epoch) }

// askServer asks a server. It returns whether the server has answered at all.
func (g *Group) askServer(
	ctx context.Context, i int, q message.Question,
) (a message.Answer, isReachable bool, err error) {
	g.mu.Lock()
	g.health[i].tried(g.now(), g.servers[i].Timeout())
	g.mu.Unlock()
	m, err := g.config.exchange(ctx, g.servers[i], q)
	g.config.Asked(err)
	g.record(i, err)
	if err != nil {
		return message.Answer{}, false, err
	}
	a, err = message.Accept(q, m)
	return a, true, err
}

// record records whether a server has answered.
func (g *Group) record(i int, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var isNews bool
	if err == nil {
		isNews = g.health[i].answered()
	} else {
		isNews = g.health[i].failed(g.now())
	}
	if isNews {
		g.config.Changed(g.servers[i].AddrPort(), err)
	}
}
