package vpn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/vpn/message"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/state"
)

const (
	// checkBytes is the memory of messages after which the sink checks the daemon's queue. A socket with the default
	// buffer of 208 KiB holds that and idleBytes. For each message, the kernel counts up to messageBytes and twice its
	// length.
	checkBytes   = 128 << 10
	idleBytes    = 32 << 10
	messageBytes = 1 << 10
	// One call waits for the daemon in steps, and for at most maxWait.
	waitStep = time.Millisecond
	maxWait  = 2 * time.Second
)

// sink passes the messages of the active to the daemon of the standby.
type sink struct{ *relay }

// Apply passes on messages in order.
func (s sink) Apply(ctx context.Context, changes []state.Change) (outcome class.Outcome, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.socket == nil {
		return outcome, nil
	}
	defer func() { s.metrics.setIKESAs(s.known.countEstablished()) }()
	patience, cancel := context.WithTimeout(ctx, maxWait)
	defer cancel()
	for _, change := range changes {
		if why, err := s.apply(change); err != nil {
			outcome.Refuse(why, err)
			continue
		}
		if s.unchecked < checkBytes {
			continue
		}
		if err := s.awaitDaemon(patience); err != nil {
			s.metrics.countLoss(lossDaemon)
			s.known.clear()
			return outcome, err
		}
	}
	return outcome, nil
}

// apply passes on a message. An IKE SA that the daemon has already is deleted before it is added again: the daemon
// would have it twice.
func (s sink) apply(change state.Change) (class.Refusal, error) {
	m, err := message.Parse(change.Record)
	switch {
	case change.Op != state.Upsert:
		return class.Malformed, errors.New("a message of an IKE daemon cannot be deleted")
	case err != nil:
		return class.Malformed, err
	case !m.Type.IsState():
		return class.Excluded, fmt.Errorf("a message of an IKE daemon has type %d, which is not replicated", m.Type)
	case s.version != 0 && m.Version != s.version:
		return class.Rejected, fmt.Errorf("the IKE daemon of the peer describes its SAs in version %d, and that of this "+
			"unit in version %d; tunnels are replicated again when both units run the same image", m.Version, s.version)
	}
	if m.Type == message.AddIKE {
		s.deliver(message.Deletion(m.Version, m.SA))
	}
	s.deliver(change.Record)
	s.metrics.countKeys(m.Type)
	for _, forgotten := range s.known.observe(m, change.Record) {
		s.deliver(message.Deletion(m.Version, forgotten))
	}
	return 0, nil
}

func (s sink) deliver(datagram []byte) {
	s.send(datagram)
	s.metrics.countMessage(toDaemon, len(datagram))
	s.unchecked += messageBytes + 2*len(datagram)
}

// awaitDaemon waits until the daemon has read what was sent, so that its socket never overflows. It returns an error if
// the daemon does not keep up.
func (s sink) awaitDaemon(ctx context.Context) error {
	for {
		queue, exists, err := s.socket.sockets.Find(contract.IKEDaemon())
		switch {
		case err != nil:
			return err
		case !exists:
			s.unchecked, s.dropped = 0, 0
			return nil
		case queue.Dropped > s.dropped:
			s.dropped = queue.Dropped
			return errors.New("the socket of the IKE daemon was full, and messages were dropped")
		case queue.Bytes <= idleBytes:
			s.unchecked, s.dropped = 0, queue.Dropped
			return nil
		}
		if !backoff.Sleep(ctx, waitStep) {
			return fmt.Errorf("the IKE daemon has not read %d bytes of messages for %s", queue.Bytes, maxWait)
		}
	}
}

// Prune deletes the IKE SAs for which keep returns false.
func (s sink) Prune(_ context.Context, keep func(key string) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, sa := range s.known.sas {
		if !keep(string(id[:])) {
			s.deliver(message.Deletion(sa.version, id))
			s.known.forget(id)
		}
	}
	s.metrics.setIKESAs(s.known.countEstablished())
	return nil
}

// Digest visits the IKE SAs.
func (s sink) Digest(_ context.Context, visit func(key string, fields []byte) error) error {
	return s.visit(false, visit)
}

// Adopt changes nothing: the daemon keeps its SAs when the unit becomes standby, and the messages about them are
// compared.
func (s sink) Adopt(ctx context.Context, visit func(key string, fields []byte) error) error {
	return s.Digest(ctx, visit)
}

// Refresh changes nothing, since the daemon decides when SAs end.
func (sink) Refresh(context.Context) error { return nil }

// Commit changes nothing: the first process of the daemon's container makes the daemon active.
func (sink) Commit(context.Context) error { return nil }
