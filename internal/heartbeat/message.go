package heartbeat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/hapair-io/hapair/internal/ha"
)

// Message is a sign of life, or the acknowledgement of one.
type Message struct {
	// Acknowledgement answers the peer's heartbeat of the same term and sequence.
	Acknowledgement bool
	Term, Sequence  uint64
	// Grant is how long the promise is to last that an acknowledgement of this heartbeat makes.
	Grant time.Duration
	// Ready says that the sender could take over, and Fenced that it is the holder and forwards nothing.
	Ready, Fenced bool
	Health        ha.Health
	// SyncPosition is how far replication has come: what the active sent last, or what the standby wrote last.
	SyncPosition uint64
	// ConfigurationHash is of the firewall configuration that the sender has in force; zero when it has none.
	ConfigurationHash [32]byte
}

// Every message is as long as every other: whoever listens learns nothing from its length, and whoever receives one of
// another length need not look at it.
const messageSize = 1 + 8 + 8 + 8 + 2 + 2 + 2 + 8 + 32

// The flags of a message. A newer program that needs more of them also needs another seal.Version.
const (
	flagAcknowledgement = 1 << iota
	flagReady
	flagFirewall
	flagFenced
	flagsKnown = 1<<iota - 1
)

// maxGrant is far more than any setting allows. A promise of years would be a pair that never fails over.
const maxGrant = time.Hour

var errMessage = errors.New("not a heartbeat")

// append appends the message's bytes.
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
	b = binary.BigEndian.AppendUint64(b, m.SyncPosition)
	return append(b, m.ConfigurationHash[:]...), nil
}

// decodeMessage reads a message that append wrote.
func decodeMessage(b []byte) (Message, error) {
	if len(b) != messageSize {
		return Message{}, fmt.Errorf("%w: %d bytes long, expected are %d", errMessage, len(b), messageSize)
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
		},
		SyncPosition:      binary.BigEndian.Uint64(b[31:]),
		ConfigurationHash: [32]byte(b[39:]),
	}
	grant := binary.BigEndian.Uint64(b[17:])
	if grant > uint64(maxGrant) {
		return Message{}, fmt.Errorf("%w: a grant of %d ns, allowed are %d", errMessage, grant, int64(maxGrant))
	}
	m.Grant = time.Duration(grant)
	return m, nil
}
