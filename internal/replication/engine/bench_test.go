package engine

import (
	"context"
	"encoding/binary"
	"net"
	"sync"
	"testing"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/replication/transport"
	"github.com/hapair-io/hapair/internal/state"
)

// BenchmarkReplicate measures a change from the active's source to the standby's sink, over TLS on the loopback
// interface. It does not include the work of the class.
func BenchmarkReplicate(b *testing.B) {
	for _, c := range []struct {
		name string
		// batch is the number of changes that the source returns at once, and window the largest number in flight.
		batch, window int
	}{
		{"flood", 256, 8192},
		{"alone", 1, 1},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := &pipeline{source: make(chan []state.Change, 1), written: make(chan int, 1)}
			replicating(b, p)
			changes := connections(1 << 16)
			b.ReportAllocs()
			b.ResetTimer()
			for source, written := 0, 0; written < b.N; {
				first := source % len(changes)
				batch := changes[first:min(first+c.batch, first+b.N-source, len(changes))]
				if len(batch) == 0 || source-written+len(batch) > c.window {
					written += <-p.written
					continue
				}
				select {
				case p.source <- batch:
					source += len(batch)
				case n := <-p.written:
					written += n
				}
			}
			b.StopTimer()
		})
	}
}

// replicating starts a pair that replicates from p to p, and returns when it is in sync.
func replicating(b *testing.B, p *pipeline) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	pair := newBed(b, func(c *Config) {
		c.Network, c.Log = loopback{listener}, logr.Discard()
		c.Classes = []class.Class{{ID: state.ConnectionCache, Source: p, Sink: p, Codec: p}}
	})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	b.Cleanup(func() {
		cancel()
		running.Wait()
	})
	for _, u := range []*unit{pair.primary, pair.secondary} {
		running.Go(func() {
			if err := u.Run(ctx); err != nil {
				b.Errorf("Running %s: %v", u.config.Unit, err)
			}
		})
	}
	pair.primary.Become(RoleActive, 1)
	pair.secondary.Become(RoleStandby, 1)
	for e := range pair.primary.Events() {
		if e == (SyncChanged{InSync: true}) {
			return
		}
	}
}

// connections returns changes with keys and records of the size of an IPv4 TCP connection.
func connections(n int) []state.Change {
	changes := make([]state.Change, n)
	for i := range changes {
		key := binary.BigEndian.AppendUint64(make([]byte, 6, 14), uint64(i))
		changes[i] = state.Change{Class: state.ConnectionCache, Op: state.Upsert, Key: string(key), Record: make([]byte, 20)}
	}
	return changes
}

// loopback is a network on the loopback interface.
type loopback struct{ listener net.Listener }

func (l loopback) Listen(context.Context, string) (net.Listener, error) { return l.listener, nil }

func (l loopback) Dial(ctx context.Context, _ string) (net.Conn, error) {
	return transport.TCP{}.Dial(ctx, l.listener.Addr().String())
}

// pipeline is a class without work: its source returns the changes of a channel, and its sink counts them.
type pipeline struct {
	source  chan []state.Change
	written chan int
}

func (p *pipeline) Watch() (class.Watch, error) { return p, nil }

func (p *pipeline) Snapshot(context.Context, func([]state.Change) error) error { return nil }

func (p *pipeline) Digest(context.Context, func(string, []byte) error) error { return nil }

func (p *pipeline) Adopt(context.Context, func(string, []byte) error) error { return nil }

func (p *pipeline) Receive(ctx context.Context) (class.Batch, error) {
	select {
	case <-ctx.Done():
		return class.Batch{}, ctx.Err()
	case changes := <-p.source:
		return class.Batch{Changes: changes}, nil
	}
}

func (p *pipeline) Drain() uint64 { return 0 }

func (p *pipeline) Close() error { return nil }

func (p *pipeline) Apply(_ context.Context, changes []state.Change) (class.Outcome, error) {
	p.written <- len(changes)
	return class.Outcome{}, nil
}

func (p *pipeline) Prune(context.Context, func(string) bool) error { return nil }

func (p *pipeline) Refresh(context.Context) error { return nil }

func (p *pipeline) Commit(context.Context) error { return nil }

func (p *pipeline) Merge(_, newer []byte) ([]byte, error) { return newer, nil }
