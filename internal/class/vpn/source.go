package vpn

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/notify"
	"github.com/hapair-io/hapair/internal/state"
)

// Bounds of the messages that wait to be received by a watch.
const (
	maxWaiting      = 16384
	maxWaitingBytes = 4 << 20
)

// source passes on the messages of the active's daemon.
type source struct{ *relay }

// Watch starts a watch. It begins with the present message IDs, since the comparison of both units leaves them out.
func (s source) Watch() (class.Watch, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &watch{relay: s.relay, wake: notify.New()}
	s.watches[w] = struct{}{}
	for _, datagram := range s.known.positions() {
		s.sequence++
		w.add(s.sequence, datagram)
	}
	return w, nil
}

// resyncPause is the least time between two requests to the daemon. It gives new keys only to children that do not get
// new keys already. The standby would not get those that arrived between the requests.
const resyncPause = time.Second

// Snapshot makes the daemon describe all SAs. It emits nothing: the messages come as changes, after the snapshot.
func (s source) Snapshot(ctx context.Context, _ func([]state.Change) error) error {
	s.mu.Lock()
	pause := s.resyncAt - s.known.now()
	s.mu.Unlock()
	if pause > 0 && !backoff.Sleep(ctx, pause) {
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resyncAt = s.known.now() + resyncPause
	s.resync()
	return nil
}

// Digest visits the IKE SAs.
func (s source) Digest(_ context.Context, visit func(key string, fields []byte) error) error {
	return s.visit(true, visit)
}

func (r *relay) visit(isSending bool, visit func(key string, fields []byte) error) error {
	r.mu.Lock()
	all := r.known.list(isSending)
	r.mu.Unlock()
	for sa, fields := range all {
		if err := visit(string(sa[:]), fields); err != nil {
			return err
		}
	}
	return nil
}

// watch has the messages that wait for the engine. The lock of the relay guards its fields.
type watch struct {
	relay *relay
	wake  notify.Signal

	waiting             []state.Change
	bytes               int
	isOverrun           bool
	requested, reported uint64
}

// add adds a message. The caller holds the lock.
func (w *watch) add(sequence uint64, datagram []byte) {
	if len(w.waiting) >= maxWaiting || w.bytes+len(datagram) > maxWaitingBytes {
		w.relay.metrics.countLoss(lossQueue)
		w.relay.restart()
		return
	}
	w.bytes += len(datagram)
	w.waiting = append(w.waiting, state.Change{
		Class: state.VPN, Op: state.Upsert, Key: string(binary.BigEndian.AppendUint64(nil, sequence)),
		Record: slices.Clone(datagram),
	})
	w.wake.Notify()
}

// overrun drops what waits. The caller holds the lock.
func (w *watch) overrun() {
	w.waiting, w.bytes, w.isOverrun = nil, 0, true
	w.wake.Notify()
}

// Receive waits for messages and returns them.
func (w *watch) Receive(ctx context.Context) (class.Batch, error) {
	for {
		if batch, isReady, err := w.take(); isReady || err != nil {
			return batch, err
		}
		select {
		case <-ctx.Done():
			return class.Batch{}, ctx.Err()
		case <-w.wake:
		}
	}
}

// take returns what waits, and whether there is anything to return.
func (w *watch) take() (batch class.Batch, isReady bool, err error) {
	w.relay.mu.Lock()
	defer w.relay.mu.Unlock()
	if w.isOverrun {
		w.isOverrun = false
		return class.Batch{}, false, class.ErrOverrun
	}
	isReady = len(w.waiting) > 0 || w.reported < w.requested
	batch = class.Batch{Changes: w.waiting, Drained: w.requested}
	w.waiting, w.bytes, w.reported = nil, 0, w.requested
	return batch, isReady, nil
}

// Drain takes in what waits in the socket, and requests a report that it was returned.
func (w *watch) Drain() uint64 {
	if w.relay.socket != nil {
		_ = w.relay.socket.drain(w.relay.take) // It fails once the class is closed.
	}
	w.relay.mu.Lock()
	defer w.relay.mu.Unlock()
	w.requested++
	w.wake.Notify()
	return w.requested
}

// Close ends the watch.
func (w *watch) Close() error {
	w.relay.mu.Lock()
	defer w.relay.mu.Unlock()
	delete(w.relay.watches, w)
	return nil
}
