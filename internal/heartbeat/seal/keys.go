package seal

import (
	"errors"
	"fmt"
)

// KeyID names a pair of keys. Both units know the pair by the same name, and it reveals nothing about the keys.
type KeyID [8]byte

// Secret is one key. It never appears in a log or an error, however it is printed.
type Secret [32]byte

const hidden = "(secret)"

// Format prints a placeholder instead of the key.
func (Secret) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(hidden)) // The writer reports its own failure.
}

// MarshalText returns a placeholder instead of the key.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Keys are a key for each direction, which two units share after each session between them. One unit's Send is the
// other unit's Receive.
type Keys struct {
	ID            KeyID
	Send, Receive Secret
}

// check returns an error for keys with which a datagram could be sent back to its sender.
func (k Keys) check() error {
	if k.Send == k.Receive {
		return errors.New("both directions have the same key: take them from a TLS session")
	}
	return nil
}
