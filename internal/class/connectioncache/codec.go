package connectioncache

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hapair-io/hapair/internal/class/encoding"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// A record holds an entry without its key. It starts with a byte for the format and the flag of a new entry. The set of
// fields follows as a variable-length number, and then each field in the order of its bit.
const (
	recordFormat     = 2 << 4 // in the upper half of the first byte
	recordFormatMask = 0xf0
	// flagFresh marks an entry that has most likely not been sent to the other unit yet. The standby tries to create it
	// first.
	flagFresh = 1 << 0
)

// errRecord reports bytes that are not a valid record.
var errRecord = errors.New("not a connection's record")

// maxHelper is the length of the longest helper name that a kernel uses.
const maxHelper = 15

// trimToPortable removes what only the flow's own kernel can use. It removes status bits that no other kernel accepts,
// learned TCP windows, and a timeout that every standby raises anyway.
func trimToPortable(f *conntrack.Flow) {
	f.Status &= 1<<7 - 1
	f.TCP.ScaleOrig &= nibble
	f.TCP.ScaleReply &= nibble
	f.TCP.FlagsOrig &= nibble
	f.TCP.FlagsReply &= nibble
	if f.TimeoutSeconds <= lifetime {
		f.TimeoutSeconds = 0
		f.Fields &^= conntrack.FieldTimeout
	}
	if f.Synproxy == (conntrack.Synproxy{}) { // the kernel also reports it for entries without a SYN proxy
		f.Fields &^= conntrack.FieldSynproxy
	}
}

const nibble = 0x0f

// appendRecord appends a flow's record. Of the scales and flags of TCP it writes only what trimToPortable leaves.
func appendRecord(b []byte, f *conntrack.Flow, fresh bool) []byte {
	first := byte(recordFormat)
	if fresh {
		first |= flagFresh
	}
	b = binary.AppendUvarint(append(b, first), uint64(f.Fields))
	if f.Fields.Has(conntrack.FieldStatus) {
		b = binary.AppendUvarint(b, uint64(f.Status))
	}
	if f.Fields.Has(conntrack.FieldTimeout) {
		b = binary.AppendUvarint(b, uint64(f.TimeoutSeconds))
	}
	if f.Fields.Has(conntrack.FieldMark) {
		b = binary.AppendUvarint(b, uint64(f.Mark)) // usually zero, which takes one byte
	}
	if f.Fields.Has(conntrack.FieldTCPState) {
		b = append(b, byte(f.TCP.State))
	}
	if f.Fields.Has(conntrack.FieldTCPWindow) {
		b = append(b, f.TCP.ScaleOrig<<4|f.TCP.ScaleReply&nibble, byte(f.TCP.FlagsOrig<<4|f.TCP.FlagsReply&nibble))
	}
	if f.Fields&rare != 0 {
		b = appendRare(b, f)
	}
	return b
}

// rare contains the fields that few entries have.
const rare = conntrack.AllFields &^ (conntrack.FieldStatus | conntrack.FieldTimeout | conntrack.FieldMark |
	conntrack.FieldTCPState | conntrack.FieldTCPWindow)

func appendRare(b []byte, f *conntrack.Flow) []byte {
	if f.Fields.Has(conntrack.FieldSCTP) {
		b = binary.BigEndian.AppendUint32(append(b, f.SCTP.State), f.SCTP.TagOrig)
		b = binary.BigEndian.AppendUint32(b, f.SCTP.TagReply)
	}
	if f.Fields.Has(conntrack.FieldHelper) {
		b = encoding.AppendText(b, f.Helper)
	}
	if f.Fields.Has(conntrack.FieldLabels) {
		b = append(b, f.Labels[:]...)
	}
	if f.Fields.Has(conntrack.FieldSeqAdj) {
		b = appendSeqAdj(appendSeqAdj(b, f.SeqAdjOrig), f.SeqAdjReply)
	}
	if f.Fields.Has(conntrack.FieldMaster) {
		b = appendMaster(b, f.Master)
	}
	if f.Fields.Has(conntrack.FieldSynproxy) {
		b = binary.BigEndian.AppendUint32(b, f.Synproxy.ISN)
		b = binary.BigEndian.AppendUint32(b, f.Synproxy.ITS)
		b = binary.BigEndian.AppendUint32(b, f.Synproxy.TSOffset)
	}
	return b
}

// decoder reads keys and records.
type decoder struct{ encoding.Decoder }

// head reads the beginning of a record.
func (d *decoder) head() (fields conntrack.Fields, fresh bool, err error) {
	first := d.Uint8()
	if first&recordFormatMask != recordFormat || first&^recordFormatMask&^flagFresh != 0 {
		return 0, false, fmt.Errorf("%w: first byte %#x", errRecord, first)
	}
	present := d.Uvarint()
	if present&^uint64(conntrack.AllFields) != 0 {
		return 0, false, fmt.Errorf("%w: fields %#x", errRecord, present)
	}
	return conntrack.Fields(present), first&flagFresh != 0, nil
}

// decodeRecord reads the fields of a record into a flow. It does not change other fields of the flow.
func decodeRecord(f *conntrack.Flow, record []byte) (fresh bool, err error) {
	d := decoder{encoding.NewDecoder(record)}
	present, fresh, err := d.head()
	if err != nil {
		return false, err
	}
	if present.Has(conntrack.FieldStatus) {
		f.Status = conntrack.Status(d.Uvarint32())
	}
	if present.Has(conntrack.FieldTimeout) {
		f.TimeoutSeconds = d.Uvarint32()
	}
	if present.Has(conntrack.FieldMark) {
		f.Mark = d.Uvarint32()
	}
	if present.Has(conntrack.FieldTCPState) {
		f.TCP.State = conntrack.TCPState(d.Uint8())
	}
	if present.Has(conntrack.FieldTCPWindow) {
		scales, flags := d.Uint8(), d.Uint8()
		f.TCP.ScaleOrig, f.TCP.ScaleReply = scales>>4, scales&nibble
		f.TCP.FlagsOrig, f.TCP.FlagsReply = conntrack.TCPFlags(flags>>4), conntrack.TCPFlags(flags&nibble)
	}
	if present&rare != 0 {
		if err := d.rare(f, present); err != nil {
			return false, fmt.Errorf("%w: %w", errRecord, err)
		}
	}
	if err := d.End(); err != nil {
		return false, fmt.Errorf("%w: %w", errRecord, err)
	}
	f.Fields |= present
	return fresh, nil
}

func (d *decoder) rare(f *conntrack.Flow, present conntrack.Fields) error {
	if present.Has(conntrack.FieldSCTP) {
		f.SCTP = conntrack.SCTP{State: d.Uint8(), TagOrig: d.Uint32(), TagReply: d.Uint32()}
	}
	if present.Has(conntrack.FieldHelper) {
		var ok bool
		if f.Helper, ok = d.Text(maxHelper); !ok {
			return fmt.Errorf("a helper's name of more than %d bytes", maxHelper)
		}
	}
	if present.Has(conntrack.FieldLabels) {
		f.Labels = [conntrack.LabelsSize]byte(d.Take(conntrack.LabelsSize))
	}
	if present.Has(conntrack.FieldSeqAdj) {
		f.SeqAdjOrig, f.SeqAdjReply = d.seqAdj(), d.seqAdj()
	}
	if present.Has(conntrack.FieldMaster) {
		if err := d.master(f); err != nil {
			return err
		}
	}
	if present.Has(conntrack.FieldSynproxy) {
		f.Synproxy = conntrack.Synproxy{ISN: d.Uint32(), ITS: d.Uint32(), TSOffset: d.Uint32()}
	}
	return nil
}

func appendSeqAdj(b []byte, s conntrack.SeqAdj) []byte {
	b = binary.BigEndian.AppendUint32(b, s.CorrectionPos)
	b = binary.BigEndian.AppendUint32(b, uint32(s.OffsetBefore))
	return binary.BigEndian.AppendUint32(b, uint32(s.OffsetAfter))
}

func (d *decoder) seqAdj() conntrack.SeqAdj {
	return conntrack.SeqAdj{CorrectionPos: d.Uint32(), OffsetBefore: int32(d.Uint32()), OffsetAfter: int32(d.Uint32())}
}

// appendMaster appends the key of an untranslated entry with this tuple, preceded by its length.
func appendMaster(b []byte, master conntrack.Tuple) []byte {
	key := encodeKey(&conntrack.Flow{Orig: master, Reply: master.Inverse()})
	return append(append(b, byte(len(key))), key...)
}

func (d *decoder) master(f *conntrack.Flow) error {
	master, err := decodeKey(string(d.Take(int(d.Uint8()))))
	if err != nil {
		return fmt.Errorf("decoding the master connection: %w", err)
	}
	f.Master = master.Orig
	return nil
}
