package connectioncache

import (
	"context"
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// surveyor tells of connections what is equal on both units.
type surveyor struct {
	visit func(key string, essence []byte) error
	key   []byte
	rest  []byte
}

// look tells of one connection that is replicated. Certain is whether the other unit has it, if all is well.
func (s *surveyor) look(f *conntrack.Flow, certain bool) error {
	s.key = appendKey(s.key[:0], f)
	key := unsafe.String(unsafe.SliceData(s.key), len(s.key)) // lent, as its memory is
	if !certain {
		return s.visit(key, nil)
	}
	s.rest = appendSameness(s.rest[:0], f)
	return s.visit(key, s.rest)
}

// appendSameness writes what a standby's kernel has of a connection as the active's does. It is less than a record:
// what a kernel may lack is left out, and so is what it makes of the windows that it believes in.
func appendSameness(b []byte, f *conntrack.Flow) []byte {
	b = append(b, byte(f.Status&settable))
	b = binary.AppendUvarint(b, uint64(f.Mark))
	switch {
	case f.Fields.Has(conntrack.FieldTCPState):
		b = append(b, byte(f.TCP.State))
	case f.Fields.Has(conntrack.FieldSCTP):
		b = append(b, f.SCTP.State)
	}
	return b
}

// Survey dumps the table, and makes a standby's entries of those that are none.
func (s *sink) Survey(ctx context.Context, visit func(key string, essence []byte) error) error {
	if err := s.filter.refresh(); err != nil {
		return err
	}
	surveyor := surveyor{visit: visit}
	_, err := s.sweep(ctx, func(f conntrack.Flow) (conntrack.Request, bool, error) {
		if err := surveyor.look(&f, true); err != nil {
			return conntrack.Request{}, false, err
		}
		request, ok := adopt(f)
		return request, ok, nil
	})
	if err != nil {
		return fmt.Errorf("surveying connections: %w", err)
	}
	return nil
}
