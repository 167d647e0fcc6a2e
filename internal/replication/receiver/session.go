package receiver

import "github.com/hapair-io/hapair/internal/replication/wire"

// Session is how a receiver answers the active. *peer.Session implements it.
type Session interface {
	// Send queues a frame that carries no state.
	Send(f wire.Frame)
	// QueueAck queues an acknowledgement behind the frames that wait, if there are any or if force is set. Otherwise it
	// queues nothing and reports false.
	QueueAck(position uint64, force bool) (queued bool)
	// Write writes an encoded frame at once.
	Write(frame []byte)
	// End ends the session for a reason.
	End(reason error)
}
