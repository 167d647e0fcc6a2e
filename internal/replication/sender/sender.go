package sender

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// ErrNoStandby is the error of a call that needs a standby while no standby is connected.
var ErrNoStandby = errors.New("no standby is connected")

// Config has what a sender needs.
type Config struct {
	Session  Session
	Counters *Counters
	// Term is that of this unit's role as active.
	Term     uint64
	Classes  []class.Class
	Metrics  map[state.Class]*ClassMetrics
	Throttle *Throttle
	// AuditInterval is the time between two audits; 0 disables them.
	AuditInterval time.Duration
	Log           logr.Logger
	// InSync reports whether the standby is in sync, according to the last call of the method IsInSync.
	InSync func() bool
	// Changed is called when the result of IsInSync may have changed.
	Changed func()
}

// Sender sends state while this unit is active in one term and the peer is standby. Its methods are safe for concurrent
// use, apart from those of peer.Source.
type Sender struct {
	config   Config
	streams  []*stream
	barriers barriers
	flight   flight
	flushes  atomic.Int32 // under way; meanwhile the throttle is lifted
	stopped  chan struct{}

	rotation rotation // used by AppendNext alone
}

// New returns a sender that reads nothing until Run.
func New(config Config) *Sender {
	s := &Sender{config: config, flight: flight{limits: defaultFlightLimits}, stopped: make(chan struct{})}
	for _, c := range config.Classes {
		metrics := config.Metrics[c.ID]
		s.streams = append(s.streams, &stream{
			class: c, metrics: metrics, log: config.Log.WithValues("class", c.ID.String()), session: config.Session,
			counters: config.Counters, inSync: config.InSync, changed: config.Changed,
			auditInterval: config.AuditInterval, resync: make(chan struct{}, 1),
			outgoing: locked[outgoing]{value: newOutgoing(c, metrics)},
		})
	}
	s.rotation = newRotation(s.streams)
	return s
}

// Run reads the classes until ctx ends.
func (s *Sender) Run(ctx context.Context) {
	var running sync.WaitGroup
	for _, stream := range s.streams {
		running.Go(func() { stream.run(ctx) })
	}
	<-ctx.Done()
	close(s.stopped)
	running.Wait()
}

// AppendNext implements peer.Source: barriers first, then the frames of the classes by weight.
func (s *Sender) AppendNext(b []byte, now time.Time) ([]byte, time.Duration) {
	if id, due := s.barriers.send(); due {
		return wire.Append(b, &wire.Barrier{Term: s.config.Term, ID: id}), 0
	}
	if s.flight.isFull() {
		return b, 0 // an acknowledgement wakes the writer
	}
	if s.flushes.Load() == 0 {
		if delay := s.config.Throttle.delay(now); delay > 0 {
			return b, delay
		}
	}
	position := s.config.Counters.positions.Sent() + 1
	maxBytes := s.config.Throttle.frameBytes()
	for range s.streams {
		stream := s.rotation.streams[0]
		var f wire.Frame
		var records int
		var oldest time.Time
		stream.outgoing.do(func(o *outgoing) { f, records, oldest = o.next(position, s.config.Term, maxBytes) })
		s.rotation.advance(f != nil)
		if f != nil {
			return s.append(b, f, sentFrame{
				position: s.config.Counters.positions.Next(), records: records, oldest: oldest, metrics: stream.metrics,
			}, now), 0
		}
	}
	return b, 0
}

// append appends a frame of state, and accounts for it.
func (s *Sender) append(b []byte, f wire.Frame, sent sentFrame, now time.Time) []byte {
	start := len(b)
	b = wire.Append(b, f)
	sent.bytes = len(b) - start
	if sent.records > 0 {
		s.config.Throttle.spend(now, sent.records, sent.bytes)
		sent.metrics.bytes.Add(float64(sent.bytes))
		sent.metrics.cost.bytes.Add(uint64(sent.bytes)) //nolint:gosec // A length is not negative.
	}
	s.flight.add(sent)
	return b
}

// IsShort implements peer.Source.
func (s *Sender) IsShort(changes, bytes int) bool {
	for _, stream := range s.streams {
		var short bool
		stream.outgoing.do(func(o *outgoing) { short = o.isShort(changes, bytes) })
		if !short {
			return false
		}
	}
	return s.barriers.isEmpty()
}

// IsEmpty implements peer.Source.
func (s *Sender) IsEmpty() bool { return s.Queued() == 0 && s.barriers.isEmpty() }

// Queued returns the number of changes that wait.
func (s *Sender) Queued() int {
	sum := 0
	for _, stream := range s.streams {
		sum += stream.queued()
	}
	return sum
}

// Unacknowledged returns the number of frames that the standby has not written yet.
func (s *Sender) Unacknowledged() uint64 {
	return s.config.Counters.positions.Sent() - s.config.Counters.positions.Acknowledged()
}

// IsInSync reports whether the standby has everything, apart from a few changes. WasInSync is the last result: many
// changes must wait before a standby in sync is so no longer.
func (s *Sender) IsInSync(wasInSync bool) bool {
	acknowledged := s.config.Counters.positions.Acknowledged()
	return !slices.ContainsFunc(s.streams, func(stream *stream) bool {
		var inSync bool
		stream.outgoing.do(func(o *outgoing) { inSync = o.isInSync(acknowledged, wasInSync) })
		return !inSync
	})
}

// Acknowledge handles an acknowledgement.
func (s *Sender) Acknowledge(f *wire.Ack) {
	a := s.flight.acknowledge(f.Position, f.Held, time.Now())
	if a.hasLag {
		s.config.Counters.lag.Store(int64(a.lag))
	}
	if a.madeRoom {
		s.config.Session.Wake()
	}
}

// AcknowledgeBarrier handles the answer to a barrier.
func (s *Sender) AcknowledgeBarrier(f *wire.BarrierAck) { s.barriers.acknowledge(f.ID) }

// Compare handles the standby's digests of a class.
func (s *Sender) Compare(f *wire.Digests) {
	if stream := s.stream(f.Class); stream != nil {
		stream.outgoing.do(func(o *outgoing) {
			if o.comparison != nil {
				o.comparison.receive(f)
			}
		})
	}
}

var errAddresses = errors.New("the own addresses of a unit have changed")

// AddressesChanged compares all classes again. It is called when the own addresses of either unit have changed, and
// with them the connections that are left out. A comparison under way would find false differences.
func (s *Sender) AddressesChanged() {
	for _, stream := range s.streams {
		stream.lose(lossAddresses, errAddresses)
	}
}

var errStandby = errors.New("the standby could not write it")

// Resync handles the standby's request for a snapshot of a class.
func (s *Sender) Resync(f *wire.Resync) {
	if stream := s.stream(f.Class); stream != nil {
		stream.lose(lossStandby, errStandby)
	}
}

// stream returns the stream of a class, or nil.
func (s *Sender) stream(id state.Class) *stream {
	for _, stream := range s.streams {
		if stream.class.ID == id {
			return stream
		}
	}
	return nil
}

// Flush returns when everything that changed before the call is written on the standby. First the sources return it,
// then the standby writes it. Calls of Flush and SendAll must not overlap: the second would only wait for the same.
func (s *Sender) Flush(ctx context.Context) error { return s.flush(ctx, true) }

// FlushClass returns when everything of a class that changed before the call is written on the standby. Other classes
// and the throttle are not affected. Calls may overlap.
func (s *Sender) FlushClass(ctx context.Context, id state.Class) error {
	flushed := s.stream(id)
	if flushed == nil {
		return fmt.Errorf("flushing %s: %w with that class", id, ErrNoStandby)
	}
	if err := s.await(ctx, flushed.drain(), "waiting for "+id.String()+" to be read"); err != nil {
		return err
	}
	b := s.barriers.add(s.config.Counters.lastBarrier.Add(1), true, []*stream{flushed})
	defer s.barriers.remove(b)
	s.config.Session.Wake()
	return s.await(ctx, b.acked, "waiting for the standby to write "+id.String())
}

// SendAll returns when everything that changed before the call has been sent. The standby writes it before it sees any
// frame that is sent afterwards.
func (s *Sender) SendAll(ctx context.Context) error { return s.flush(ctx, false) }

// flush sends everything, without a throttle. If asked to, it waits for the standby's answer.
func (s *Sender) flush(ctx context.Context, isAsked bool) error {
	s.flushes.Add(1)
	defer s.flushes.Add(-1)
	s.config.Session.Wake()

	for _, stream := range s.streams {
		if err := s.await(ctx, stream.drain(), "waiting for "+stream.class.ID.String()+" to be read"); err != nil {
			return err
		}
	}
	b := s.barriers.add(s.config.Counters.lastBarrier.Add(1), isAsked, s.streams)
	defer s.barriers.remove(b)
	s.config.Session.Wake()
	if !isAsked {
		return s.await(ctx, b.sent, "waiting for the last changes to be sent")
	}
	return s.await(ctx, b.acked, "waiting for the standby to write")
}

// await waits until a channel is closed, or the sender stops.
func (s *Sender) await(ctx context.Context, done <-chan struct{}, what string) error {
	start := time.Now()
	select {
	case <-done:
		return nil
	case <-s.stopped:
		return fmt.Errorf("%s: %w any more", what, ErrNoStandby)
	case <-ctx.Done():
		return fmt.Errorf("%s for %s: %w", what, time.Since(start).Round(time.Millisecond), ctx.Err())
	}
}
