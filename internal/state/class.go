package state

import "fmt"

// Class identifies one kind of replicated state. Its number is sent to the peer, so it never changes its meaning.
type Class uint8

// String returns the name of the class in logs, metrics and the SyncPolicy.
func (c Class) String() string {
	if row, ok := catalogue.Row(c); ok {
		return row.Name
	}
	return fmt.Sprintf("Class(%d)", uint8(c))
}
