package endurance

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/hapair-io/hapair/test/internal/traffic"
)

// CountingConnection is one TCP connection on which the client counts and the server repeats every number. It survives
// if the sequence continues, unbroken, on the same connection.
type CountingConnection struct {
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
	// tick is the interval between two numbers.
	tick = 10 * time.Millisecond
	// enoughNumbers is how many numbers must arrive before the connection counts as alive.
	enoughNumbers = 100
)

// Begin implements Traffic.
func (c *CountingConnection) Begin(ctx context.Context) error {
	ctx = c.withCancel(ctx)
	listener, err := c.Hosts.Server.Listen(ctx, "tcp", c.Server.String())
	if err != nil {
		return err
	}
	c.server = traffic.Repeat(ctx, listener)
	conn, err := dial(ctx, c.Hosts.Client, listener.Addr())
	if err != nil {
		return err
	}
	c.client = traffic.Count(ctx, conn, tick)
	c.since = time.Now()
	return awaitGrowth(ctx, enoughNumbers/10, c.heard, c.broken)
}

func (c *CountingConnection) heard() uint64 { return c.client.Report(c.since).Ticks }

func (c *CountingConnection) broken() error { return c.client.Report(c.since).Err }

// Reset implements Traffic.
func (c *CountingConnection) Reset() {
	c.since = time.Now()
	c.before = c.heard()
}

// Check implements Traffic.
func (c *CountingConnection) Check(ctx context.Context) Report {
	err := awaitGrowth(ctx, enoughNumbers, c.heard, c.broken)
	heard := c.client.Report(c.since)
	if n := len(c.server.Clients()); err == nil && n != 1 {
		err = fmt.Errorf("the server has seen %d connections", n)
	}
	return Report{Passed: heard.Ticks - c.before, Unit: "numbers", Gap: heard.Longest.Length, Err: err}
}

// Close implements Traffic.
func (c *CountingConnection) Close() {
	c.task.Close()
	if c.client != nil {
		c.client.Wait()
	}
	if c.server != nil {
		c.server.Wait()
	}
}
