package heartbeat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

// Message is a heartbeat, or the acknowledgement of one.
type Message struct {
	// Acknowledgement answers the peer's heartbeat of the same term and sequence.
	Acknowledgement bool
	Term, Sequence  uint64
	// Grant is how long a grant the heartbeat requests.
	Grant time.Duration
	// Ready means that the sender could take over. Fenced means that it holds the Lease and forwards nothing.
	Ready, Fenced bool
	Health        ha.Health
}

const (
	// contentSize is the number of bytes that have a meaning.
	contentSize = 1 + 8 + 8 + 8 + 2 + 2 + 2 + 2
	// reservedSize is the number of bytes after them, which are sent as zero and ignored when received. Earlier releases
	// sent a sync position and a document hash there. The position was never so large that its first two bytes, which are
	// used by now, were not zero.
	reservedSize = 6 + 32
	// messageSize is the length of every message. So the length gives nothing away to a listener, and a datagram of
	// another length is dropped at once.
	messageSize = contentSize + reservedSize
)

// The flags of a message. A later release that needs more flags also needs another seal.Version.
const (
	flagAcknowledgement = 1 << iota
	flagReady
	flagFirewall
	flagFenced
	flagsKnown = 1<<iota - 1
)

// maxGrant is far more than any setting allows. A grant of years would be a pair that never fails over.
const maxGrant = time.Hour

var errMessage = errors.New("not a heartbeat")

// append appends the encoded message to b.
func (m *Message) append(b []byte) ([]byte, error) {
	if m.Grant < 0 || m.Grant > maxGrant {
		return b, fmt.Errorf("%w: a grant of %s is not within 0 and %s", errMessage, m.Grant, maxGrant)
	}
	var flags byte
	if m.Acknowledgement {
		flags |= flagAcknowledgement
	}
	if m.Ready {
		flags |= flagReady
	}
	if m.Health.Firewall {
		flags |= flagFirewall
	}
	if m.Fenced {
		flags |= flagFenced
	}
	b = append(b, flags)
	b = binary.BigEndian.AppendUint64(b, m.Term)
	b = binary.BigEndian.AppendUint64(b, m.Sequence)
	b = binary.BigEndian.AppendUint64(b, uint64(m.Grant))
	b = binary.BigEndian.AppendUint16(b, m.Health.Links)
	b = binary.BigEndian.AppendUint16(b, m.Health.Probes)
	b = binary.BigEndian.AppendUint16(b, m.Health.Judged)
	b = binary.BigEndian.AppendUint16(b, m.Health.Unheld)
	return append(b, make([]byte, reservedSize)...), nil
}

// decodeMessage decodes a message.
func decodeMessage(b []byte) (Message, error) {
	if len(b) != messageSize {
		return Message{}, fmt.Errorf("%w: it has %d bytes, expected are %d", errMessage, len(b), messageSize)
	}
	flags := b[0]
	if flags&^flagsKnown != 0 {
		return Message{}, fmt.Errorf("%w: unknown flags %#x", errMessage, flags)
	}
	m := Message{
		Acknowledgement: flags&flagAcknowledgement != 0,
		Ready:           flags&flagReady != 0,
		Fenced:          flags&flagFenced != 0,
		Term:            binary.BigEndian.Uint64(b[1:]),
		Sequence:        binary.BigEndian.Uint64(b[9:]),
		Health: ha.Health{
			Firewall: flags&flagFirewall != 0,
			Links:    binary.BigEndian.Uint16(b[25:]),
			Probes:   binary.BigEndian.Uint16(b[27:]),
			Judged:   binary.BigEndian.Uint16(b[29:]),
			Unheld:   binary.BigEndian.Uint16(b[31:]),
		},
	}
	grant := binary.BigEndian.Uint64(b[17:])
	if grant > uint64(maxGrant) {
		return Message{}, fmt.Errorf("%w: a grant of %d ns, allowed are %d", errMessage, grant, int64(maxGrant))
	}
	m.Grant = time.Duration(grant)
	return m, nil
}
