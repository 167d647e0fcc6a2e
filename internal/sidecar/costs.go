package sidecar

import (
	"context"
	"math/bits"
	"sync"
	"time"
)

// costInterval is the time over which the bytes a second of a class are averaged, and the least time between two writes
// of the status for them alone.
const costInterval = time.Minute

// ClassCost is what a class of state costs the unit while it is active.
type ClassCost struct {
	// SentBytes is how many bytes of its state were sent since the unit started.
	SentBytes uint64
	// Entries is how many entries the unit had when they were counted last; nil if they were not yet.
	Entries *int64
}

// costs measures what classes cost. Its methods may be called concurrently.
type costs struct {
	// read returns the cost of each class by its name; it may be nil.
	read func() map[string]ClassCost

	mu    sync.Mutex
	since time.Time
	last  map[string]ClassCost
	// rates are the bytes a second of each class, between the last two measurements.
	rates map[string]int64
	// reported are what the status has.
	reported map[string]orders
}

// orders are the orders of magnitude of entries and bytes a second, as powers of two.
type orders struct{ entries, rate int }

func ordersOf(entries, rate *int64) orders {
	order := func(n *int64) int {
		if n == nil {
			return 0
		}
		return bits.Len64(uint64(*n)) //nolint:gosec // It is not negative.
	}
	return orders{order(entries), order(rate)}
}

func newCosts(read func() map[string]ClassCost) *costs {
	return &costs{read: read, reported: map[string]orders{}}
}

// measure reads the costs. It reports whether one of them has another order of magnitude than the status has.
func (c *costs) measure(now time.Time) (isNews bool) {
	if c.read == nil {
		return false
	}
	current := c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	rates := make(map[string]int64, len(current))
	for name, cost := range current {
		if before, ok := c.last[name]; ok && now.After(c.since) {
			rates[name] = int64(float64(cost.SentBytes-before.SentBytes) / now.Sub(c.since).Seconds())
		}
	}
	c.since, c.last, c.rates = now, current, rates
	for name := range current {
		if ordersOf(c.ofLocked(name)) != c.reported[name] {
			isNews = true
		}
	}
	return isNews
}

// report returns the entries and the bytes a second of a class for the status; nil where they are not known.
func (c *costs) report(class string) (entries, rate *int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entries, rate = c.ofLocked(class)
	c.reported[class] = ordersOf(entries, rate)
	return entries, rate
}

func (c *costs) ofLocked(class string) (entries, rate *int64) {
	entries = c.last[class].Entries
	if bytes, ok := c.rates[class]; ok {
		rate = &bytes
	}
	return entries, rate
}

// followCosts measures regularly, and repeats the write of the status when a cost has changed much.
func (s *Sidecar) followCosts(ctx context.Context) {
	ticker := time.NewTicker(costInterval)
	defer ticker.Stop()
	s.costs.measure(time.Now())
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			if s.costs.measure(now) {
				s.publisher.repeat()
			}
		}
	}
}
