package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
)

// Version is the format that this program seals and opens. Units must agree on another one first, in the Hello of the
// session that the keys are from.
const Version = 1

// KeyOffset is where the name of the key is in a datagram.
const KeyOffset = 1

const (
	counterOffset = KeyOffset + len(KeyID{})
	headerSize    = counterOffset + 8
	tagSize       = 16
	nonceSize     = 12
)

// Overhead is the length of a datagram without its payload.
const Overhead = headerSize + tagSize

// lastCounter is how many datagrams are sealed under one key. At a hundred a second that lasts three centuries. It is
// far below the limit of AES-GCM (RFC 8446 section 5.5 counts the same way).
const lastCounter = 1 << 40

// ErrExhausted means that the key must not be used any more.
var ErrExhausted = errors.New("the key is used up: the next session with the peer brings a new one")

// Sealer seals datagrams for the peer. It is for one goroutine at a time. There must never be a second one for the same
// keys.
type Sealer struct {
	aead    cipher.AEAD
	id      KeyID
	counter uint64
	nonce   [nonceSize]byte // On the stack it would escape to the heap each time.
}

// NewSealer returns a sealer that has sealed nothing yet.
func NewSealer(k Keys) (*Sealer, error) {
	aead, err := newAEAD(k, k.Send)
	if err != nil {
		return nil, err
	}
	return &Sealer{aead: aead, id: k.ID}, nil
}

// Seal appends a datagram with the payload to b. It allocates nothing if b has the capacity.
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

// Opener opens datagrams of the peer. It is for one goroutine at a time.
type Opener struct {
	aead   cipher.AEAD
	id     KeyID
	window window
	nonce  [nonceSize]byte
}

// NewOpener returns an opener that has seen nothing yet.
func NewOpener(k Keys) (*Opener, error) {
	aead, err := newAEAD(k, k.Receive)
	if err != nil {
		return nil, err
	}
	return &Opener{aead: aead, id: k.ID}, nil
}

// Open appends a datagram's payload to b, or returns why the datagram is dropped. It allocates nothing if b has the
// capacity.
func (o *Opener) Open(b, datagram []byte) ([]byte, DropReason) {
	id, reason := KeyOf(datagram)
	switch {
	case reason != Accepted:
		return b, reason
	case id != o.id:
		return b, DropKey
	}
	counter := binary.BigEndian.Uint64(datagram[counterOffset:])
	if !o.window.isFresh(counter) {
		return b, DropReplay
	}
	binary.BigEndian.PutUint64(o.nonce[nonceSize-8:], counter)
	opened, err := o.aead.Open(b, o.nonce[:], datagram[headerSize:], datagram[:headerSize])
	if err != nil {
		return b, DropSeal
	}
	o.window.add(counter)
	return opened, Accepted
}

// KeyOf returns the name of the key with which a datagram claims to be sealed.
func KeyOf(datagram []byte) (KeyID, DropReason) {
	switch {
	case len(datagram) < Overhead:
		return KeyID{}, DropSize
	case datagram[0] != Version:
		return KeyID{}, DropVersion
	default:
		return KeyID(datagram[KeyOffset:counterOffset]), Accepted
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
