package sender

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/replication/protocol"
	"github.com/hapair-io/hapair/internal/replication/wire"
	"github.com/hapair-io/hapair/internal/state"
)

// session counts how often the writer is woken.
type session struct{ woken int }

func (s *session) Wake()    { s.woken++ }
func (*session) SendSoon()  {}
func (*session) SendLater() {}

// sending runs a script on a sender of one class. Next returns the next frame; nil if nothing is to be sent.
func sending(
	t *testing.T, script func(t *testing.T, s *Sender, m *classtest.Memory, p *session, next func() wire.Frame),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		memory, peer := classtest.NewMemory(state.ConnectionCache), &session{}
		var positions protocol.Positions
		s := New(Config{
			Session: peer, Counters: NewCounters(&positions), Term: 1, Classes: []class.Class{memory.Class()},
			Metrics: map[state.Class]*ClassMetrics{
				state.ConnectionCache: NewMetrics(prometheus.NewRegistry()).Class(state.ConnectionCache),
			},
			Throttle: NewThrottle(Limits{}), Log: logr.Discard(),
			InSync: func() bool { return false }, Changed: func() {},
		})
		ctx, cancel := context.WithCancel(t.Context())
		go s.Run(ctx)
		defer synctest.Wait()
		defer cancel()
		script(t, s, memory, peer, func() wire.Frame {
			synctest.Wait()
			b, _ := s.AppendNext(nil, time.Now())
			if len(b) == 0 {
				return nil
			}
			f, err := wire.Decode(b[wire.LengthSize:])
			if err != nil {
				t.Fatal(err)
			}
			return f
		})
	})
}

// A comparison that began before the addresses changed would find false differences.
func TestChangedAddressesStartTheComparisonAgain(t *testing.T) {
	sending(t, func(t *testing.T, s *Sender, _ *classtest.Memory, _ *session, next func() wire.Frame) {
		first, ok := next().(*wire.DigestRequest)
		if !ok {
			t.Fatal("a sender does not begin with a request for digests")
		}
		s.AddressesChanged()
		s.Compare(&wire.Digests{Class: first.Class, Generation: first.Generation, Known: true}) // too late
		if f := next(); f != nil {
			t.Fatalf("a frame of kind %d follows the comparison that was given up", f.Kind())
		}
		time.Sleep(minPause)
		second, ok := next().(*wire.DigestRequest)
		if !ok || second.Generation == first.Generation {
			t.Fatalf("got %+v, want another request for digests", second)
		}
		s.Compare(&wire.Digests{Class: second.Class, Generation: second.Generation, Known: true})
		if _, ok := next().(*wire.Begin); !ok {
			t.Error("no snapshot follows the second comparison")
		}
	})
}

// At the bound of the flight nothing is sent, and changes wait in the queue, where those of one entry are merged. An
// acknowledgement wakes the writer.
func TestSenderStopsWhileTheFlightIsFull(t *testing.T) {
	sending(t, func(t *testing.T, s *Sender, memory *classtest.Memory, peer *session, next func() wire.Frame) {
		s.flight.limits = flightLimits{frames: 4, bytes: 1 << 20}
		request, ok := next().(*wire.DigestRequest)
		if !ok {
			t.Fatal("a sender does not begin with a request for digests")
		}
		s.Compare(&wire.Digests{Class: request.Class, Generation: request.Generation, Known: true})
		next() // Begin
		if _, ok := next().(*wire.SnapshotEnd); !ok {
			t.Fatal("the snapshot of an empty class does not end")
		}
		memory.Put("a", "first")
		if f, ok := next().(*wire.Delta); !ok || len(f.Changes) != 1 {
			t.Fatal("the fourth frame has no change")
		}
		for range 100 {
			memory.Put("b", "later")
		}
		if f := next(); f != nil {
			t.Fatalf("a frame of kind %d was sent at the bound", f.Kind())
		}
		if n := s.Queued(); n != 1 {
			t.Errorf("%d changes wait, want 1 that is merged", n)
		}
		before := peer.woken
		s.Acknowledge(&wire.Ack{Position: 4})
		if peer.woken == before {
			t.Error("an acknowledgement that makes room does not wake the writer")
		}
		if f, ok := next().(*wire.Delta); !ok || f.Position != 5 {
			t.Error("the change is not sent after the acknowledgement")
		}
	})
}

// SendAll ends as soon as the last change is sent. Flush asks the standby, and waits for its answer.
func TestSendAllWaitsForNoAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		send     func(*Sender, context.Context) error
		isAnswer bool
	}{
		"SendAll": {(*Sender).SendAll, false}, "Flush": {(*Sender).Flush, true},
	} {
		t.Run(name, func(t *testing.T) {
			sending(t, func(t *testing.T, s *Sender, memory *classtest.Memory, _ *session, next func() wire.Frame) {
				request, ok := next().(*wire.DigestRequest)
				if !ok {
					t.Fatal("a sender does not begin with a request for digests")
				}
				s.Compare(&wire.Digests{Class: request.Class, Generation: request.Generation, Known: true})
				next() // Begin
				next() // SnapshotEnd
				memory.Put("a", "last")
				sent := make(chan error, 1)
				go func() { sent <- c.send(s, t.Context()) }()
				if f, ok := next().(*wire.Delta); !ok || len(f.Changes) != 1 {
					t.Fatal("the last change is not sent")
				}
				select {
				case err := <-sent:
					t.Fatalf("returned before the writer has taken everything: %v", err)
				default:
				}
				barrier, isAsked := next().(*wire.Barrier)
				if isAsked != c.isAnswer {
					t.Fatalf("the standby is asked: %v", isAsked)
				}
				if isAsked {
					s.AcknowledgeBarrier(&wire.BarrierAck{ID: barrier.ID})
				}
				if err := <-sent; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
