package wire

import (
	"encoding/binary"

	"github.com/hapair-io/hapair/internal/state"
)

// Hello is the first frame in each direction. It identifies the sender, and what it supports.
type Hello struct {
	// Version is the newest version of the protocol that the sender supports, OldestVersion the oldest.
	Version, OldestVersion uint16
	// Pair, Namespace and Unit identify the sender. Its certificate names the same unit.
	Pair, Namespace, Unit string
	// Incarnation identifies the sender's process.
	Incarnation string
	// Classes are those of the sender. The classes that both units have are replicated.
	Classes []state.Class
}

// Kind implements Frame.
func (*Hello) Kind() Kind { return KindHello }

// append implements Frame.
func (f *Hello) append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, f.Version)
	b = binary.BigEndian.AppendUint16(b, f.OldestVersion)
	for _, text := range []string{f.Pair, f.Namespace, f.Unit, f.Incarnation} {
		b = appendBytes(b, text)
	}
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.Classes)))
	for _, c := range f.Classes {
		b = append(b, byte(c))
	}
	return b
}

// decode ignores bytes after the known fields. A newer version may add fields, and Hello is the frame that shows that
// it is newer.
func (f *Hello) decode(d *decoder) {
	f.Version, f.OldestVersion = d.uint16(), d.uint16()
	for _, text := range []*string{&f.Pair, &f.Namespace, &f.Unit, &f.Incarnation} {
		*text = d.string(maxText)
	}
	for range d.count(maxClasses, 1) {
		f.Classes = append(f.Classes, state.Class(d.uint8()))
	}
	d.skip()
}
