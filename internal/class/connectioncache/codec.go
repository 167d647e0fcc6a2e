package connectioncache

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// A record is what an entry is apart from its key: a format byte, the set of fields as two bytes, and each field of the
// set in the order of its bit. What only the entry's own kernel can use, such as its ID, is not in it.
const recordFormat = 1

// errRecord is of bytes that are no record.
var errRecord = errors.New("not a connection's record")

// maxHelper is the longest name that a kernel gives a helper.
const maxHelper = 15

// codec knows keys and records.
type codec struct{}

// Merge overlays a record with a newer one of the same entry.
func (codec) Merge(older, newer []byte) ([]byte, error) {
	var merged conntrack.Flow
	if err := errors.Join(decodeRecord(&merged, older), decodeRecord(&merged, newer)); err != nil {
		return nil, err
	}
	return encodeRecord(&merged), nil
}

// encodeRecord writes a flow's fields.
func encodeRecord(f *conntrack.Flow) []byte {
	b := append(make([]byte, 0, 48), recordFormat)
	b = binary.BigEndian.AppendUint16(b, uint16(f.Fields))
	for _, field := range fields {
		if f.Fields.Has(field.field) {
			b = field.encode(b, f)
		}
	}
	return b
}

// decodeRecord reads fields into a flow. Fields that the record does not have stay as they are.
func decodeRecord(f *conntrack.Flow, record []byte) error {
	d := decoder{rest: record}
	if format := d.uint8(); format != recordFormat {
		return fmt.Errorf("%w: format %d", errRecord, format)
	}
	present := conntrack.Fields(d.uint16())
	if present&^conntrack.AllFields != 0 {
		return fmt.Errorf("%w: fields %#x", errRecord, present)
	}
	for _, field := range fields {
		if !present.Has(field.field) {
			continue
		}
		if err := field.decode(&d, f); err != nil {
			return fmt.Errorf("%w: %w", errRecord, err)
		}
	}
	if err := d.end(); err != nil {
		return fmt.Errorf("%w: %w", errRecord, err)
	}
	f.Fields |= present
	return nil
}

// fields is how each field is written, in the order of their bits.
var fields = [...]struct {
	field  conntrack.Fields
	encode func([]byte, *conntrack.Flow) []byte
	decode func(*decoder, *conntrack.Flow) error
}{
	{conntrack.FieldStatus, func(b []byte, f *conntrack.Flow) []byte {
		return binary.BigEndian.AppendUint32(b, uint32(f.Status))
	}, func(d *decoder, f *conntrack.Flow) error {
		f.Status = conntrack.Status(d.uint32())
		return nil
	}},
	{conntrack.FieldTimeout, func(b []byte, f *conntrack.Flow) []byte {
		return binary.BigEndian.AppendUint32(b, f.TimeoutSeconds)
	}, func(d *decoder, f *conntrack.Flow) error {
		f.TimeoutSeconds = d.uint32()
		return nil
	}},
	{conntrack.FieldMark, func(b []byte, f *conntrack.Flow) []byte {
		return binary.BigEndian.AppendUint32(b, f.Mark)
	}, func(d *decoder, f *conntrack.Flow) error {
		f.Mark = d.uint32()
		return nil
	}},
	{conntrack.FieldTCPState, func(b []byte, f *conntrack.Flow) []byte {
		return append(b, byte(f.TCP.State))
	}, func(d *decoder, f *conntrack.Flow) error {
		f.TCP.State = conntrack.TCPState(d.uint8())
		return nil
	}},
	{conntrack.FieldTCPWindow, func(b []byte, f *conntrack.Flow) []byte {
		return append(b, f.TCP.ScaleOrig, f.TCP.ScaleReply, byte(f.TCP.FlagsOrig), byte(f.TCP.FlagsReply))
	}, func(d *decoder, f *conntrack.Flow) error {
		f.TCP.ScaleOrig, f.TCP.ScaleReply = d.uint8(), d.uint8()
		f.TCP.FlagsOrig, f.TCP.FlagsReply = conntrack.TCPFlags(d.uint8()), conntrack.TCPFlags(d.uint8())
		return nil
	}},
	{conntrack.FieldSCTP, func(b []byte, f *conntrack.Flow) []byte {
		b = binary.BigEndian.AppendUint32(append(b, f.SCTP.State), f.SCTP.TagOrig)
		return binary.BigEndian.AppendUint32(b, f.SCTP.TagReply)
	}, func(d *decoder, f *conntrack.Flow) error {
		f.SCTP = conntrack.SCTP{State: d.uint8(), TagOrig: d.uint32(), TagReply: d.uint32()}
		return nil
	}},
	{conntrack.FieldHelper, func(b []byte, f *conntrack.Flow) []byte {
		return append(append(b, byte(len(f.Helper))), f.Helper...)
	}, func(d *decoder, f *conntrack.Flow) error {
		n := int(d.uint8())
		if n > maxHelper {
			return fmt.Errorf("a helper's name of %d bytes", n)
		}
		f.Helper = string(d.take(n))
		return nil
	}},
	{conntrack.FieldLabels, func(b []byte, f *conntrack.Flow) []byte {
		return append(b, f.Labels[:]...)
	}, func(d *decoder, f *conntrack.Flow) error {
		f.Labels = [conntrack.LabelsSize]byte(d.take(conntrack.LabelsSize))
		return nil
	}},
	{conntrack.FieldSeqAdj, func(b []byte, f *conntrack.Flow) []byte {
		return appendSeqAdj(appendSeqAdj(b, f.SeqAdjOrig), f.SeqAdjReply)
	}, func(d *decoder, f *conntrack.Flow) error {
		f.SeqAdjOrig, f.SeqAdjReply = d.seqAdj(), d.seqAdj()
		return nil
	}},
	{conntrack.FieldMaster, func(b []byte, f *conntrack.Flow) []byte {
		return appendMaster(b, f.Master)
	}, func(d *decoder, f *conntrack.Flow) error {
		return d.master(f)
	}},
	{conntrack.FieldSynproxy, func(b []byte, f *conntrack.Flow) []byte {
		b = binary.BigEndian.AppendUint32(b, f.Synproxy.ISN)
		b = binary.BigEndian.AppendUint32(b, f.Synproxy.ITS)
		return binary.BigEndian.AppendUint32(b, f.Synproxy.TSOffset)
	}, func(d *decoder, f *conntrack.Flow) error {
		f.Synproxy = conntrack.Synproxy{ISN: d.uint32(), ITS: d.uint32(), TSOffset: d.uint32()}
		return nil
	}},
}

func appendSeqAdj(b []byte, s conntrack.SeqAdj) []byte {
	b = binary.BigEndian.AppendUint32(b, s.CorrectionPos)
	b = binary.BigEndian.AppendUint32(b, uint32(s.OffsetBefore))
	return binary.BigEndian.AppendUint32(b, uint32(s.OffsetAfter))
}

func (d *decoder) seqAdj() conntrack.SeqAdj {
	return conntrack.SeqAdj{CorrectionPos: d.uint32(), OffsetBefore: int32(d.uint32()), OffsetAfter: int32(d.uint32())}
}

// A master is written as the key of an entry that is not translated, preceded by its length.
func appendMaster(b []byte, master conntrack.Tuple) []byte {
	key := encodeKey(&conntrack.Flow{Orig: master, Reply: master.Inverse()})
	return append(append(b, byte(len(key))), key...)
}

func (d *decoder) master(f *conntrack.Flow) error {
	master, err := decodeKey(string(d.take(int(d.uint8()))))
	if err != nil {
		return fmt.Errorf("the connection that expected it: %w", err)
	}
	f.Master = master.Orig
	return nil
}
