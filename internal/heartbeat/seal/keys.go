package seal

import (
	"errors"
	"fmt"
)

// KeyID names a pair of keys. Both units know the pair by the same name, and it tells nothing about the keys.
type KeyID [8]byte

// Secret is one key. It never shows in a log or an error, however it is printed.
type Secret [32]byte

const hidden = "(secret)"

// Format prints no key.
func (Secret) Format(f fmt.State, _ rune) {
	_, _ = f.Write([]byte(hidden)) // who formats into a writer that fails learns of it there
}

// MarshalText writes no key.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Keys are what two units share after each session between them: a key for each direction. What one unit sends with,
// the other receives with.
type Keys struct {
	ID            KeyID
	Send, Receive Secret
}

// check refuses keys with which a datagram could be sent back to its sender.
func (k Keys) check() error {
	if k.Send == k.Receive {
		return errors.New("both directions have the same key: take them from a TLS session")
	}
	return nil
}
