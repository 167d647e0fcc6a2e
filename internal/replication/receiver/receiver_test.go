package receiver

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/replication/peer"
	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// session records what a receiver answers.
type session struct {
	t *testing.T

	mu    sync.Mutex
	sent  []wire.Frame
	ended error
}

func (s *session) Send(f wire.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, f)
}

func (*session) QueueAck(uint64, bool) bool { return false }

func (s *session) Write(b []byte) {
	f, err := wire.Decode(slices.Clone(b[wire.LengthSize:]))
	if err != nil {
		s.t.Error(err)
		return
	}
	s.Send(f)
}

func (s *session) End(reason error) { s.ended = reason }

// take returns what was answered since the last call, once the receiver waits.
func (s *session) take() []wire.Frame {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

// fixture is a receiver of a standby.
type fixture struct {
	*Receiver
	t       *testing.T
	memory  *classtest.Memory
	session *session
	metrics *ClassMetrics
	lost    chan struct{}
	standby bool
}

// receive runs a script on a receiver.
func receive(t *testing.T, log logr.Logger, script func(*testing.T, *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{
			t: t, memory: classtest.NewMemory(state.ConnectionCache), session: &session{t: t}, standby: true,
			metrics: NewMetrics(prometheus.NewRegistry()).Class(state.ConnectionCache),
			lost:    make(chan struct{}, 1),
		}
		c := f.memory.Class()
		c.Lost = f.lost
		f.Receiver = New(Config{
			Session: f.session, Classes: []class.Class{c},
			Metrics:   map[state.Class]*ClassMetrics{state.ConnectionCache: f.metrics},
			Log:       log,
			IsStandby: func() bool { return f.standby },
			Full:      func(string) {}, Relinquished: func(uint64, uint64) {},
		})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { f.Run(ctx) })
		script(t, f)
		cancel()
		running.Wait()
	})
}

// take passes a frame to the receiver.
func (f *fixture) take(frame wire.Frame) {
	f.t.Helper()
	if _, err := f.Take(f.t.Context(), peer.Received{Frame: frame}); err != nil {
		f.t.Fatal(err)
	}
}

// delta returns a frame with the upsert of one entry.
func delta(position uint64, key, record string) *wire.Delta {
	return &wire.Delta{Class: state.ConnectionCache, Position: position, Changes: []state.Change{
		{Class: state.ConnectionCache, Op: state.Upsert, Key: key, Record: []byte(record)},
	}}
}

func TestOnlySynchronizationAdoptsEntries(t *testing.T) {
	receive(t, logr.Discard(), func(t *testing.T, f *fixture) {
		f.memory.Put("a", "of an earlier life")
		for generation, background := range []bool{true, false, true} {
			f.take(&wire.DigestRequest{
				Class: state.ConnectionCache, Generation: uint64(generation + 1), Position: uint64(generation + 1),
				Background: background,
			})
			var digests *wire.Digests
			for _, sent := range f.session.take() {
				if d, ok := sent.(*wire.Digests); ok {
					digests = d
				}
			}
			if digests == nil || !digests.Known || digests.Entries != 1 || digests.Generation != uint64(generation+1) {
				t.Errorf("got %+v, want the digests of one entry", digests)
			}
		}
		if n := f.memory.Adopted(); n != 1 {
			t.Errorf("entries were adopted %d times, want once", n)
		}
	})
}

func TestFramesAreDroppedWhenTheUnitIsNoStandby(t *testing.T) {
	receive(t, logr.Discard(), func(t *testing.T, f *fixture) {
		f.standby = false
		f.take(delta(1, "a", "text"))
		if sent := f.session.take(); len(sent) != 0 || len(f.memory.Entries()) != 0 || f.Position() != 0 {
			t.Errorf("%d answers, %d entries, position %d", len(sent), len(f.memory.Entries()), f.Position())
		}
	})
}

func TestFailedWriteRequestsASnapshot(t *testing.T) {
	receive(t, logr.Discard(), func(t *testing.T, f *fixture) {
		f.memory.Fail(errors.New("the kernel does not answer"))
		f.take(delta(1, "a", "text"))
		f.memory.Fail(nil)
		f.take(delta(2, "b", "text")) // could depend on what was not written
		requests := 0
		for _, sent := range f.session.take() {
			if _, ok := sent.(*wire.Resync); ok {
				requests++
			}
		}
		if requests != 1 || len(f.memory.Entries()) != 0 {
			t.Errorf("%d requests for a snapshot, %d entries; want 1 and none", requests, len(f.memory.Entries()))
		}
	})
}

// A class can lose its entries without a failed write, for example when the process that has them is started again.
func TestLostEntriesRequestASnapshot(t *testing.T) {
	receive(t, logr.Discard(), func(t *testing.T, f *fixture) {
		f.lost <- struct{}{}
		sent := f.session.take()
		if resync, ok := sent[0].(*wire.Resync); len(sent) != 1 || !ok || resync.Class != state.ConnectionCache {
			t.Errorf("got %+v, want a request for a snapshot", sent)
		}
		f.standby = false
		f.lost <- struct{}{}
		if sent := f.session.take(); len(sent) != 0 {
			t.Errorf("a unit that is no standby sent %+v", sent)
		}
	})
}

func TestRefusalsAreCountedAndDoNotFillTheLog(t *testing.T) {
	lines := 0
	log := funcr.New(func(string, string) { lines++ }, funcr.Options{})
	receive(t, log, func(t *testing.T, f *fixture) {
		const refusals = 1000
		for i := range refusals {
			f.take(delta(uint64(i+1), "a", "!"))
			time.Sleep(10 * time.Millisecond)
		}
		var m dto.Metric
		if err := f.metrics.refused[class.Malformed].Write(&m); err != nil || m.Counter.GetValue() != refusals {
			t.Errorf("%v refusals were counted, %v, want %d", m.Counter.GetValue(), err, refusals)
		}
	})
	if lines != 1 {
		t.Errorf("%d lines in ten seconds, want 1", lines)
	}
}
