package wire

// Kind is the kind of a frame. Its number is sent, and never changes its meaning.
type Kind uint8

// The kinds of frame.
const (
	KindHello         Kind = 1
	KindRole          Kind = 2
	KindBegin         Kind = 3
	KindRecords       Kind = 4
	KindSnapshotEnd   Kind = 5
	KindDelta         Kind = 6
	KindAck           Kind = 7
	KindResync        Kind = 8
	KindSync          Kind = 9
	KindBarrier       Kind = 10
	KindBarrierAck    Kind = 11
	KindRelinquish    Kind = 12
	KindRelinquishAck Kind = 13
	KindPing          Kind = 14
	KindBye           Kind = 15
	KindDigestRequest Kind = 16
	KindDigests       Kind = 17
	KindAddresses     Kind = 18

	lastKind = KindAddresses
)

// Frame is one message between the units. Its fields are encoded in order.
//
//sumtype:decl
type Frame interface {
	Kind() Kind
	append(b []byte) []byte
	decode(d *decoder)
}
