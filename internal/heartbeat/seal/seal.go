package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
)

// Version is the format that this program seals and opens. Units that should speak another one have to agree on it
// first, by the Hello of the session that the keys are from.
const Version = 1

const (
	keyOffset     = 1
	counterOffset = keyOffset + len(KeyID{})
	headerSize    = counterOffset + 8
	tagSize       = 16
	nonceSize     = 12
)

// Overhead is by how much a datagram is longer than its payload.
const Overhead = headerSize + tagSize

// lastCounter is how many datagrams are sealed under one key. At a hundred a second that is three centuries, and far
// below where so many of them would begin to tell something about AES (RFC 8446 section 5.5 counts the same way).
const lastCounter = 1 << 40

// ErrExhausted says that the key must not be used any more.
var ErrExhausted = errors.New("the key has sealed all that it may: the next session with the peer brings new ones")

// Sealer seals what goes to the peer. It is for one goroutine at a time, and there is never a second one for the same
// keys.
type Sealer struct {
	aead    cipher.AEAD
	id      KeyID
	counter uint64
	nonce   [nonceSize]byte // here and not on the stack, whence it would escape to the heap each time
}

// NewSealer makes a sealer that has sealed nothing yet.
func NewSealer(k Keys) (*Sealer, error) {
	aead, err := newAEAD(k, k.Send)
	if err != nil {
		return nil, err
	}
	return &Sealer{aead: aead, id: k.ID}, nil
}

// Seal appends a datagram with the payload to b. With room for it there, it allocates nothing.
func (s *Sealer) Seal(b, payload []byte) ([]byte, error) {
	if s.counter >= lastCounter {
		return b, ErrExhausted
	}
	s.counter++
	start := len(b)
	b = append(append(b, Version), s.id[:]...)
	b = binary.BigEndian.AppendUint64(b, s.counter)
	binary.BigEndian.PutUint64(s.nonce[nonceSize-8:], s.counter)
	return s.aead.Seal(b, s.nonce[:], payload, b[start:]), nil
}

// Opener opens what the peer sealed. It is for one goroutine at a time.
type Opener struct {
	aead   cipher.AEAD
	id     KeyID
	window window
	nonce  [nonceSize]byte
}

// NewOpener makes an opener that has seen nothing yet.
func NewOpener(k Keys) (*Opener, error) {
	aead, err := newAEAD(k, k.Receive)
	if err != nil {
		return nil, err
	}
	return &Opener{aead: aead, id: k.ID}, nil
}

// Open appends a datagram's payload to b, unless it refuses the datagram. With room for it there, it allocates nothing.
func (o *Opener) Open(b, datagram []byte) ([]byte, Refusal) {
	id, refusal := KeyOf(datagram)
	switch {
	case refusal != Taken:
		return b, refusal
	case id != o.id:
		return b, RefusedKey
	}
	counter := binary.BigEndian.Uint64(datagram[counterOffset:])
	if !o.window.fresh(counter) {
		return b, RefusedReplay
	}
	binary.BigEndian.PutUint64(o.nonce[nonceSize-8:], counter)
	opened, err := o.aead.Open(b, o.nonce[:], datagram[headerSize:], datagram[:headerSize])
	if err != nil {
		return b, RefusedSeal
	}
	o.window.note(counter)
	return opened, Taken
}

// KeyOf is which key a datagram claims to be sealed with.
func KeyOf(datagram []byte) (KeyID, Refusal) {
	switch {
	case len(datagram) < Overhead:
		return KeyID{}, RefusedSize
	case datagram[0] != Version:
		return KeyID{}, RefusedVersion
	default:
		return KeyID(datagram[keyOffset:counterOffset]), Taken
	}
}

func newAEAD(k Keys, secret Secret) (cipher.AEAD, error) {
	if err := k.check(); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		return nil, fmt.Errorf("making AES-256: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("making AES-256-GCM: %w", err)
	}
	return aead, nil
}
