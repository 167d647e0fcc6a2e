package gateway

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/firewall/algs/segment"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/firewall/gateway/counts"
	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/kernel/nfqueue"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/notify"
)

// retryPause is the pause before a gateway is started again.
const retryPause = time.Second

// Gateways are the application gateways of a unit. Each starts when a document in force uses it, and then stays.
type Gateways struct {
	log  logr.Logger
	used atomic.Pointer[document.Document]
	// set has an item after Set, and faulty after a change of faults.
	set, faulty notify.Signal
	counters    map[document.Helper]*counts.Counter

	mu sync.Mutex
	// faults has why a gateway does not run.
	faults map[document.Helper]string
}

// New returns gateways for Run.
func New(log logr.Logger) *Gateways {
	g := &Gateways{
		log: log, set: notify.New(), faulty: notify.New(), counters: map[document.Helper]*counts.Counter{},
		faults: map[document.Helper]string{},
	}
	for _, p := range plan.Gateways() {
		g.counters[p.Helper] = &counts.Counter{}
	}
	return g
}

// Counts returns what became of messages that announce connections.
func (g *Gateways) Counts() counts.Counts {
	all := counts.Counts{}
	for helper, counter := range g.counters {
		if read := counter.Read(); len(read) > 0 {
			all[string(helper)] = read
		}
	}
	return all
}

// Fault returns which gateways of the document do not run and why; empty if all run.
func (g *Gateways) Fault() string {
	used := g.used.Load()
	if used == nil {
		return ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	var all []string
	for _, p := range plan.Gateways() {
		if why, ok := g.faults[p.Helper]; ok && p.IsUsed(*used) {
			all = append(all, plan.DescribeUnavailable(*used, p, why))
		}
	}
	return strings.Join(all, "; ")
}

// Changed returns a channel that has an item when the result of Fault may have changed.
func (g *Gateways) Changed() <-chan struct{} { return g.faulty }

// setFault records why a gateway does not run; empty if it does.
func (g *Gateways) setFault(h document.Helper, why string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.faults[h] == why {
		return
	}
	if g.faults[h] = why; why == "" {
		delete(g.faults, h)
	}
	g.faulty.Notify()
}

// Set starts the gateways of the services of a document.
func (g *Gateways) Set(d document.Document) {
	g.used.Store(&d)
	g.set.Notify()
}

// Run runs the gateways until ctx ends.
func (g *Gateways) Run(ctx context.Context) {
	var parts sync.WaitGroup
	defer parts.Wait()
	started := map[document.Helper]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.set:
		}
		for _, p := range plan.Gateways() {
			if started[p.Helper] || !p.IsUsed(*g.used.Load()) {
				continue
			}
			started[p.Helper] = true
			log := g.log.WithValues("gateway", p.Helper)
			parts.Go(func() { g.run(ctx, p, log) })
		}
	}
}

// run keeps a gateway running until ctx ends. It logs the first of equal failures.
func (g *Gateways) run(ctx context.Context, p plan.Gateway, log logr.Logger) {
	last := ""
	for ctx.Err() == nil {
		err := g.serve(ctx, p, log)
		if ctx.Err() == nil {
			g.setFault(p.Helper, err.Error())
		}
		if ctx.Err() == nil && err.Error() != last {
			last = err.Error()
			log.Error(err, "Running application gateway, trying again; control connections pass unread")
		}
		backoff.Sleep(ctx, retryPause)
	}
}

// reader reads the segments of a protocol.
type reader interface {
	// read reads a segment. It returns what becomes of it, and the payload that replaces its own; nil if it stays.
	read(s *segment.Segment, now time.Time) (verdict, []byte)
}

// verdict is what becomes of a segment.
type verdict uint8

const (
	pass verdict = iota
	drop
)

func (g *Gateways) newReader(
	p plan.Gateway, table *conntrack.Table, kernel nftables.Kernel, log logr.Logger,
) (reader, error) {
	counter := g.counters[p.Helper]
	switch p.Helper {
	case document.HelperRTSP:
		return &rtspReader{entries: entries{table}, log: log, counter: counter}, nil
	case document.HelperSQLNet:
		return &sqlnetReader{
			entries: entries{table}, pinholes: pinholes{kernel, p.Helper}, log: log, counter: counter,
		}, nil
	case document.HelperRealAudio:
		return &realAudioReader{
			entries: entries{table}, pinholes: pinholes{kernel, p.Helper}, log: log, counter: counter,
		}, nil
	default:
		return nil, fmt.Errorf("no gateway reads %s", p.Helper)
	}
}

// serve runs a gateway until ctx ends or it fails.
func (g *Gateways) serve(ctx context.Context, p plan.Gateway, log logr.Logger) (err error) {
	table, err := conntrack.OpenTable()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, table.Close()) }()
	kernel := nftables.Open()
	defer func() { err = errors.Join(err, kernel.Close()) }()
	r, err := g.newReader(p, table, kernel, log)
	if err != nil {
		return err
	}
	queue, err := nfqueue.Bind(p.Queue)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = queue.Close() })
	defer func() {
		if stop() {
			err = errors.Join(err, queue.Close())
		}
	}()
	alive, err := openHeartbeat(p.Queue)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, alive.close()) }()
	log.Info("Running application gateway", "queue", p.Queue)
	g.setFault(p.Helper, "")
	for {
		packets, err := queue.Receive(alive.beat(time.Now()))
		if errors.Is(err, nfqueue.ErrLost) {
			log.Error(err, "Reading control connections; their data connections may not pass")
			continue
		}
		if err != nil {
			return err
		}
		for _, packet := range packets {
			if err := decide(queue, packet, r); err != nil {
				return err
			}
		}
	}
}

// decide reads a packet and returns the verdict to the kernel. What is no segment passes.
func decide(queue *nfqueue.Queue, packet nfqueue.Packet, r reader) error {
	s, err := segment.Parse(packet.Bytes)
	if err != nil || packet.IsTruncated {
		return queue.Accept(packet, nil)
	}
	v, payload := r.read(&s, time.Now())
	switch {
	case v == drop:
		return queue.Drop(packet)
	case payload == nil:
		return queue.Accept(packet, nil)
	default:
		return queue.Accept(packet, s.WithPayload(payload))
	}
}
