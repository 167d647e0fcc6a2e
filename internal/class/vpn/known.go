package vpn

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/hapair-io/hapair/internal/class/vpn/message"
)

const (
	// maxKnown bounds the IKE SAs, and maxHalfOpen those whose peer has not authenticated yet.
	maxKnown    = 4096
	maxHalfOpen = 256
	// settling is how long after a change the standby may or may not have it.
	settling = time.Second
	// maxPosition bounds a message with a message ID, in bytes. The daemon's have about 30.
	maxPosition = 64
)

// known are the IKE SAs of the unit's daemon.
type known struct {
	now func() time.Duration
	sas map[message.SA]*knownSA
	// added counts additions.
	added uint64
}

// knownSA is what is known of an IKE SA.
type knownSA struct {
	// sum is that of all messages since the SA was added, apart from those that only have a message ID.
	sum uint64
	// version is that of the messages about it.
	version uint8
	// place is its place in the order of additions.
	place uint64
	// isEstablished is set once the peer has authenticated. isDeleted remains until the standby knows of the deletion.
	isEstablished, isDeleted bool
	changedAt                time.Duration
	// initiator and responder are the last messages with the next message ID of either end's requests; nil for none.
	initiator, responder []byte
	addresses            addresses
}

func newKnown(now func() time.Duration) known {
	return known{now: now, sas: map[message.SA]*knownSA{}}
}

// observe records a message. It returns the IKE SAs that were forgotten because there are too many. The daemon does not
// tell that a peer failed to authenticate, so that half-open SAs are forgotten in the order of their additions.
func (k *known) observe(m message.Message, datagram []byte) (forgotten []message.SA) {
	sa := k.sas[m.SA]
	switch {
	case !m.Type.IsState():
		return nil
	case m.Type.IsPosition():
		sa.setPosition(m.Type, datagram)
		return nil
	case m.Type == message.AddIKE:
		k.added++
		sa = &knownSA{place: k.added, version: m.Version, addresses: k.inherit(m.SA, datagram)}
		k.sas[m.SA] = sa
	case sa == nil:
		return nil
	case m.Type == message.DeleteIKE:
		sa.isDeleted = true
	case m.Type == message.UpdateIKE:
		sa.isEstablished = true
		sa.setAddresses(datagram)
	}
	sa.changedAt = k.now()
	sa.sum = sumOf(sa.sum, datagram)
	if m.Type == message.AddIKE {
		k.sweep()
		forgotten = append(k.trim(maxHalfOpen, (*knownSA).isHalfOpen), k.trim(maxKnown, (*knownSA).isAny)...)
	}
	return forgotten
}

// setPosition records a message with a message ID. The receiver is nil if the IKE SA is unknown.
func (s *knownSA) setPosition(end message.Type, datagram []byte) {
	switch {
	case s == nil || len(datagram) > maxPosition:
	case end == message.InitiatorID:
		s.initiator = slices.Clone(datagram)
	case end == message.ResponderID:
		s.responder = slices.Clone(datagram)
	}
}

// positions returns the last messages with message IDs, of all IKE SAs. A peer ignores a request with an ID that it has
// seen.
func (k *known) positions() (all [][]byte) {
	for _, sa := range k.sas {
		for _, datagram := range [][]byte{sa.initiator, sa.responder} {
			if datagram != nil && !sa.isDeleted {
				all = append(all, datagram)
			}
		}
	}
	return all
}

func sumOf(before uint64, datagram []byte) uint64 {
	hash := xxhash.New()
	var sum [8]byte
	binary.BigEndian.PutUint64(sum[:], before)
	_, _ = hash.Write(sum[:])
	_, _ = hash.Write(datagram)
	return hash.Sum64()
}

func (s *knownSA) isHalfOpen() bool { return !s.isEstablished }

func (*knownSA) isAny() bool { return true }

// trim forgets the oldest of the IKE SAs that match, until there are at most limit.
func (k *known) trim(limit int, match func(*knownSA) bool) (forgotten []message.SA) {
	if len(k.sas) <= limit {
		return nil
	}
	var all []message.SA
	for id, sa := range k.sas {
		if match(sa) {
			all = append(all, id)
		}
	}
	if len(all) <= limit {
		return nil
	}
	slices.SortFunc(all, func(a, b message.SA) int { return int(k.sas[a].place) - int(k.sas[b].place) })
	forgotten = all[:len(all)-limit]
	for _, id := range forgotten {
		delete(k.sas, id)
	}
	return forgotten
}

// sweep forgets deleted IKE SAs that have settled.
func (k *known) sweep() {
	maps.DeleteFunc(k.sas, func(_ message.SA, sa *knownSA) bool { return sa.isDeleted && k.hasSettled(sa) })
}

func (k *known) hasSettled(sa *knownSA) bool { return k.now()-sa.changedAt >= settling }

// forget forgets an IKE SA.
func (k *known) forget(id message.SA) { delete(k.sas, id) }

// clear forgets all IKE SAs.
func (k *known) clear() { clear(k.sas) }

// countEstablished returns the number of IKE SAs whose peers have authenticated.
func (k *known) countEstablished() (n int) {
	for _, sa := range k.sas {
		if sa.isEstablished && !sa.isDeleted {
			n++
		}
	}
	return n
}

// list returns the entries that both units compare: the IKE SAs whose peers have authenticated, with their sums. If
// isSending is set, an SA that has just changed has no fields, since the standby may or may not know.
func (k *known) list(isSending bool) map[message.SA][]byte {
	k.sweep()
	all := make(map[message.SA][]byte, len(k.sas))
	for id, sa := range k.sas {
		switch {
		case isSending && !k.hasSettled(sa):
			all[id] = nil
		case sa.isEstablished && !sa.isDeleted:
			all[id] = binary.BigEndian.AppendUint64(nil, sa.sum)
		}
	}
	return all
}
