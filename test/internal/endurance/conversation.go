package endurance

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/hapair-io/hapair/test/internal/traffic"
)

// Conversation is one TCP connection on which the client counts and the server repeats every number. It survives if the
// sequence continues, unbroken, on the one connection.
type Conversation struct {
	Kind   string
	Hosts  Hosts
	Server netip.AddrPort

	task
	server *traffic.Server
	client *traffic.Counter
	before uint64
	// since is when the measurement of gaps began.
	since time.Time
}

const (
	// tick is between two numbers.
	tick = 10 * time.Millisecond
	// numbers is how many must come for a conversation to go on.
	numbers = 100
)

// Begin implements Traffic.
func (c *Conversation) Begin(ctx context.Context) error {
	ctx = c.under(ctx)
	listener, err := c.Hosts.Server.Listen(ctx, "tcp", c.Server.String())
	if err != nil {
		return fmt.Errorf("%s: %w", c.Kind, err)
	}
	c.server = traffic.Repeat(ctx, listener)
	conn, err := dial(ctx, c.Hosts.Client, listener.Addr())
	if err != nil {
		return fmt.Errorf("%s: %w", c.Kind, err)
	}
	c.client = traffic.Count(ctx, conn, tick)
	c.since = time.Now()
	if err := awaitGrowth(ctx, numbers/10, c.heard, c.broken); err != nil {
		return fmt.Errorf("%s: %w", c.Kind, err)
	}
	return nil
}

func (c *Conversation) heard() uint64 { return c.client.Report(c.since).Ticks }

func (c *Conversation) broken() error { return c.client.Report(c.since).Err }

// Forget implements Traffic.
func (c *Conversation) Forget() {
	c.since = time.Now()
	c.before = c.heard()
}

// Check implements Traffic.
func (c *Conversation) Check(ctx context.Context) Report {
	err := awaitGrowth(ctx, numbers, c.heard, c.broken)
	heard := c.client.Report(c.since)
	if n := len(c.server.Clients()); err == nil && n != 1 {
		err = fmt.Errorf("the server has seen %d connections", n)
	}
	return Report{Kind: c.Kind, Passed: heard.Ticks - c.before, Unit: "numbers", Gap: heard.Longest.Length, Err: err}
}

// Close implements Traffic.
func (c *Conversation) Close() {
	c.task.Close()
	if c.client != nil {
		c.client.Wait()
	}
	if c.server != nil {
		c.server.Wait()
	}
}
