package heartbeat

import "github.com/hapair-io/hapair/internal/heartbeat/seal"

// conversation is what is sealed with the keys of one session.
type conversation struct {
	id     seal.KeyID
	from   string
	sealer *seal.Sealer
	opener *seal.Opener
}

// conversations are those whose keys are still in use: at most three, of which two or all may be the same one. The
// link's lock guards them.
type conversations struct {
	newest *conversation
	// previous is that of the session before.
	previous *conversation
	// heard is the newest in which the peer was heard. However many sessions break before the peer knows of them, both
	// units have the keys of this one.
	heard *conversation
}

// begin makes the conversation of a session the newest, unless it is known already: to begin it anew would use its
// nonces a second time.
func (s *conversations) begin(incarnation string, k Keys) error {
	if s.find(k.ID) != nil {
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
	s.newest, s.previous = &conversation{id: k.ID, from: incarnation, sealer: sealer, opener: opener}, s.newest
	return nil
}

// sendUnder are the conversations that a message is sent in, one or two of them: the newest, and as long as the peer
// may not know of it, one that it knows of.
func (s *conversations) sendUnder() (under [2]*conversation) {
	under[0] = s.newest
	if s.newest == s.heard {
		return under
	}
	for _, c := range []*conversation{s.heard, s.previous} {
		if c != nil && c.from == s.newest.from {
			under[1] = c
			break
		}
	}
	return under
}

// open opens a datagram with the keys that it is under, and tells who sealed it.
func (s *conversations) open(b, datagram []byte) (payload []byte, from string, refusal seal.Refusal) {
	if len(datagram) != datagramSize {
		return b, "", seal.RefusedSize
	}
	id, refusal := seal.KeyOf(datagram)
	if refusal != seal.Taken {
		return b, "", refusal
	}
	c := s.find(id)
	if c == nil {
		return b, "", seal.RefusedKey
	}
	payload, refusal = c.opener.Open(b, datagram)
	if refusal != seal.Taken {
		return b, "", refusal
	}
	if s.heard != s.newest { // else this came late, or twice
		s.heard = c
	}
	return payload, c.from, seal.Taken
}

func (s *conversations) find(id seal.KeyID) *conversation {
	for _, c := range []*conversation{s.newest, s.previous, s.heard} {
		if c != nil && c.id == id {
			return c
		}
	}
	return nil
}
