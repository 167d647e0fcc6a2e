package vpn

import (
	"slices"

	"github.com/hapair-io/hapair/internal/class/vpn/message"
)

// maxAddresses bounds a message with the addresses of a user, in bytes. An address takes about 20.
const maxAddresses = 512

// addresses are those that a user got. The daemon describes them only once, when the user connects. If the IKE SA gets
// new keys, the daemon forgets to describe the addresses of the new one. Then a daemon that begins again would give
// them to other users.
type addresses struct {
	// message describes the addresses; nil for none.
	message []byte
	// mustTell is set until the unit's daemon was told to describe them.
	mustTell bool
}

// inherit returns the addresses of an IKE SA that was added. They are those that it had, or those of the SA that it
// replaces.
func (k *known) inherit(added message.SA, datagram []byte) addresses {
	if before := k.sas[added]; before != nil {
		return before.addresses
	}
	replaced, found := message.Rekeyed(datagram)
	if before := k.sas[replaced]; found && before != nil && before.addresses.message != nil {
		return addresses{message: message.WithSA(before.addresses.message, added)}
	}
	return addresses{}
}

// setAddresses records what the daemon has described.
func (s *knownSA) setAddresses(datagram []byte) {
	if message.HasAddresses(datagram) && len(datagram) <= maxAddresses {
		s.addresses = addresses{message: slices.Clone(datagram)}
	}
}

// repeatAddresses repeats the addresses that the daemon does not describe after new keys. The other unit gets them at
// once. The daemon itself is told as soon as it uses the IKE SA, and then describes them. The caller holds the lock.
func (r *relay) repeatAddresses(m message.Message, datagram []byte) {
	sa := r.known.sas[m.SA]
	switch {
	case sa == nil || sa.addresses.message == nil:
	case m.Type == message.UpdateIKE && !message.HasAddresses(datagram):
		r.pass(m, sa.addresses.message)
		sa.addresses.mustTell = true
	case m.Type.IsPosition() && sa.addresses.mustTell:
		r.send(sa.addresses.message)
		sa.addresses.mustTell = false
	}
}
