package connectioncache

import (
	"context"
	"encoding/binary"
	"fmt"
	"unsafe"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// digester visits connections with their comparable fields. It reuses its memory from one visit to the next.
type digester struct {
	visit  func(key string, fields []byte) error
	key    []byte
	fields []byte
}

// visitFlow visits one connection that is replicated. Certain reports that the other unit must have it too.
func (d *digester) visitFlow(f *conntrack.Flow, certain bool) error {
	d.key = appendKey(d.key[:0], f)
	key := unsafe.String(unsafe.SliceData(d.key), len(d.key)) // valid only until visit returns
	if !certain {
		return d.visit(key, nil)
	}
	d.fields = appendComparable(d.fields[:0], f)
	return d.visit(key, d.fields)
}

// appendComparable appends the fields of a connection that are equal in the kernels of both units. They are fewer than
// a record has: attributes that a kernel may not support are left out, and so is its view of the TCP windows.
func appendComparable(b []byte, f *conntrack.Flow) []byte {
	b = append(b, byte(f.Status&settable))
	b = binary.AppendUvarint(b, uint64(f.Mark))
	switch {
	case f.Fields.Has(conntrack.FieldTCPState):
		b = append(b, byte(f.TCP.State))
	case f.Fields.Has(conntrack.FieldSCTP):
		b = append(b, f.SCTP.State)
	}
	if isAdjusted(f) {
		b = appendSeqAdj(appendSeqAdj(b, f.SeqAdjOrig), f.SeqAdjReply)
	}
	return b
}

// Digest dumps the kernel's table.
func (s *sink) Digest(ctx context.Context, visit func(key string, fields []byte) error) error {
	if err := s.filter.refresh(); err != nil {
		return err
	}
	digester := digester{visit: visit}
	err := conntrack.Dump(ctx, func(f conntrack.Flow) error {
		if !s.filter.takes(&f) {
			return nil
		}
		return digester.visitFlow(&f, true)
	})
	if err != nil {
		return fmt.Errorf("digesting connections: %w", err)
	}
	return nil
}
