package gateway

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/firewall/algs/segment"
	"github.com/hapair-io/hapair/internal/firewall/document"
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
	log     logr.Logger
	used    atomic.Pointer[document.Document]
	changed notify.Signal
}

// New returns gateways for Run.
func New(log logr.Logger) *Gateways { return &Gateways{log: log, changed: notify.New()} }

// Set starts the gateways of the services of a document.
func (g *Gateways) Set(d document.Document) {
	g.used.Store(&d)
	g.changed.Notify()
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
		case <-g.changed:
		}
		for _, p := range plan.Gateways() {
			if started[p.Helper] || !p.IsUsed(*g.used.Load()) {
				continue
			}
			started[p.Helper] = true
			log := g.log.WithValues("gateway", p.Helper)
			parts.Go(func() { run(ctx, p, log) })
		}
	}
}

// run keeps a gateway running until ctx ends. It logs the first of equal failures.
func run(ctx context.Context, p plan.Gateway, log logr.Logger) {
	last := ""
	for ctx.Err() == nil {
		err := serve(ctx, p, log)
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

func newReader(
	p plan.Gateway, table *conntrack.Table, kernel nftables.Kernel, log logr.Logger,
) (reader, error) {
	switch p.Helper {
	case document.HelperRTSP:
		return &rtspReader{entries: entries{table}, log: log}, nil
	case document.HelperSQLNet:
		return &sqlnetReader{entries: entries{table}, pinholes: pinholes{kernel, p.Helper}, log: log}, nil
	case document.HelperRealAudio:
		return &realAudioReader{entries: entries{table}, pinholes: pinholes{kernel, p.Helper}, log: log}, nil
	default:
		return nil, fmt.Errorf("no gateway reads %s", p.Helper)
	}
}

// serve runs a gateway until ctx ends or it fails.
func serve(ctx context.Context, p plan.Gateway, log logr.Logger) (err error) {
	table, err := conntrack.OpenTable()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, table.Close()) }()
	kernel := nftables.Open()
	defer func() { err = errors.Join(err, kernel.Close()) }()
	r, err := newReader(p, table, kernel, log)
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
