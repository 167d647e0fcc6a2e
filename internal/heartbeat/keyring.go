package heartbeat

import (
	"slices"

	"github.com/hapair-io/hapair/internal/heartbeat/seal"
)

// keyEpoch is the use of the keys of one replication session.
type keyEpoch struct {
	id     seal.KeyID
	from   string
	sealer *seal.Sealer
	opener *seal.Opener
}

// keyring holds the epochs whose keys are still in use: at most three, some of which may be the same one. The link's
// lock guards it.
type keyring struct {
	newest *keyEpoch
	// previous is the one before the newest.
	previous *keyEpoch
	// heard is the newest one in which the peer was heard. However many sessions break before the peer learns of them,
	// both units have the keys of this one.
	heard *keyEpoch
}

// add makes the keys the newest, unless it has them already: to start over with them would use their nonces twice.
func (r *keyring) add(incarnation string, k Keys) error {
	if r.find(k.ID) != nil {
		return nil
	}
	sealer, err := seal.NewSealer(k)
	if err != nil {
		return err
	}
	opener, err := seal.NewOpener(k)
	if err != nil {
		return err
	}
	r.newest, r.previous = &keyEpoch{id: k.ID, from: incarnation, sealer: sealer, opener: opener}, r.newest
	return nil
}

// sendUnder returns the one or two epochs under which a message is sent: the newest, and one that the peer knows for as
// long as it may not know the newest.
func (r *keyring) sendUnder() (under [2]*keyEpoch) {
	under[0] = r.newest
	if r.newest == r.heard {
		return under
	}
	for _, e := range []*keyEpoch{r.heard, r.previous} {
		if e != nil && e.from == r.newest.from {
			under[1] = e
			break
		}
	}
	return under
}

// open decrypts a datagram, appends its payload to b, and returns who sent it.
func (r *keyring) open(b, datagram []byte) (payload []byte, from string, reason seal.DropReason) {
	if len(datagram) != datagramSize {
		return b, "", seal.DropSize
	}
	id, reason := seal.KeyOf(datagram)
	if reason != seal.Accepted {
		return b, "", reason
	}
	e := r.find(id)
	if e == nil {
		return b, "", seal.DropKey
	}
	payload, reason = e.opener.Open(b, datagram)
	if reason != seal.Accepted {
		return b, "", reason
	}
	if r.heard != r.newest { // Otherwise this one came late, or twice.
		r.heard = e
	}
	return payload, e.from, seal.Accepted
}

// ids returns the names of the keys that are in use.
func (r *keyring) ids() (names []seal.KeyID) {
	for _, e := range []*keyEpoch{r.newest, r.previous, r.heard} {
		if e != nil && !slices.Contains(names, e.id) {
			names = append(names, e.id)
		}
	}
	return names
}

// find returns the epoch of a key, or nil.
func (r *keyring) find(id seal.KeyID) *keyEpoch {
	for _, e := range []*keyEpoch{r.newest, r.previous, r.heard} {
		if e != nil && e.id == id {
			return e
		}
	}
	return nil
}
