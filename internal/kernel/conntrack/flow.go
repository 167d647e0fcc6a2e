package conntrack

// Fields is the set of optional fields that a Flow has. An event carries only what changed: a missing field means
// "unchanged" and never zero.
type Fields uint16

// The optional fields of a Flow.
const (
	FieldStatus Fields = 1 << iota
	FieldTimeout
	FieldMark
	FieldTCPState
	// FieldTCPWindow covers the window scales and flags. The event of a closing entry has the state alone.
	FieldTCPWindow
	FieldSCTP
	FieldHelper
	FieldLabels
	FieldSeqAdj
	FieldMaster
	FieldSynproxy

	// AllFields contains every optional field.
	AllFields = FieldSynproxy<<1 - 1
)

// Has reports whether all wanted fields are set.
func (f Fields) Has(wanted Fields) bool { return f&wanted == wanted }

// Flow is one entry of the table, or the part of it that an event carries.
type Flow struct {
	// Fields lists which of the fields below Zone are set.
	Fields Fields
	// Orig and Reply are the two directions. Without translation, Reply is the inverse of Orig.
	Orig, Reply Tuple
	// Zone separates connections with equal addresses (CTA_ZONE). The default zone is 0.
	Zone uint16
	// Status describes the life of the entry (CTA_STATUS).
	Status Status
	// TimeoutSeconds is the remaining lifetime (CTA_TIMEOUT).
	TimeoutSeconds uint32
	// Mark is the connection mark (CTA_MARK).
	Mark uint32
	// ID identifies the entry in this kernel alone (CTA_ID). It is 0 when the message has none.
	ID uint32
	// TCP and SCTP hold the protocol's state (CTA_PROTOINFO).
	TCP  TCP
	SCTP SCTP
	// Helper names the application helper, as in "ftp" (CTA_HELP_NAME).
	Helper string
	// Labels are 128 bits that a ruleset may use freely (CTA_LABELS).
	Labels [LabelsSize]byte
	// SeqAdjOrig and SeqAdjReply correct TCP sequence numbers after a helper changed the length of a payload.
	SeqAdjOrig, SeqAdjReply SeqAdj
	// Master is the original tuple of the entry whose helper expected this one (CTA_TUPLE_MASTER).
	Master Tuple
	// Synproxy is the state of a SYN proxy after the handshake (CTA_SYNPROXY).
	Synproxy Synproxy
}

// LabelsSize is the size of the kernel's label bit field, in bytes (XT_CONNLABEL_MAXBIT).
const LabelsSize = 16

// Translated reports whether addresses or ports are translated.
func (f *Flow) Translated() bool {
	reply := f.Reply
	reply.Zone = 0
	return reply != f.Orig.Inverse()
}

// Status is the kernel's enum ip_conntrack_status.
type Status uint32

// The bits of Status that matter outside the kernel.
const (
	// StatusExpected marks an entry that a helper expected. A request sets it by naming a master.
	StatusExpected Status = 1 << 0
	// StatusSeenReply marks an entry with packets in both directions.
	StatusSeenReply Status = 1 << 1
	// StatusAssured protects the entry from early removal when the table is full.
	StatusAssured Status = 1 << 2
	// StatusConfirmed is set for every entry in the table.
	StatusConfirmed Status = 1 << 3
	StatusSrcNAT    Status = 1 << 4
	StatusDstNAT    Status = 1 << 5
	// StatusSeqAdjust marks corrected sequence numbers. A request sets it by giving the corrections.
	StatusSeqAdjust Status = 1 << 6
	StatusDying     Status = 1 << 9
	// StatusFixedTimeout prevents packets and requests from changing the timeout.
	StatusFixedTimeout Status = 1 << 10
	StatusHelper       Status = 1 << 13
	StatusOffload      Status = 1 << 14
)

// TCPState is the kernel's enum tcp_conntrack.
type TCPState uint8

// The states of a TCP entry.
const (
	TCPNone TCPState = iota
	TCPSynSent
	TCPSynRecv
	TCPEstablished
	TCPFinWait
	TCPCloseWait
	TCPLastAck
	TCPTimeWait
	TCPClose
	TCPSynSent2
)

// TCPFlags are the kernel's flags of one direction of a TCP entry (IP_CT_TCP_FLAG_*).
type TCPFlags uint8

// The flags of a direction.
const (
	TCPWindowScale TCPFlags = 0x01
	TCPSACKPermit  TCPFlags = 0x02
	// TCPCloseInit marks the side that sent the first FIN.
	TCPCloseInit TCPFlags = 0x04
	// TCPBeLiberal accepts packets outside the tracked window.
	TCPBeLiberal          TCPFlags = 0x08
	TCPDataUnacknowledged TCPFlags = 0x10
	// TCPMaxAckSet marks a known highest acknowledgement. The kernel checks resets against it.
	TCPMaxAckSet       TCPFlags = 0x20
	TCPChallengeAck    TCPFlags = 0x40
	TCPSimultaneous    TCPFlags = 0x80
	TCPAllFlags        TCPFlags = 0xff
	TCPNegotiatedFlags          = TCPWindowScale | TCPSACKPermit | TCPCloseInit
)

// TCP is CTA_PROTOINFO_TCP. It does not contain sequence numbers and windows, which the kernel does not export.
type TCP struct {
	State TCPState
	// ScaleOrig and ScaleReply are the announced window scales. They are valid if both sides have TCPWindowScale.
	ScaleOrig, ScaleReply uint8
	FlagsOrig, FlagsReply TCPFlags
}

// SCTP is CTA_PROTOINFO_SCTP: the state, and the verification tags that packets must carry.
type SCTP struct {
	State             uint8
	TagOrig, TagReply uint32
}

// SeqAdj is CTA_SEQ_ADJ_ORIG or CTA_SEQ_ADJ_REPLY. The kernel adds OffsetBefore up to CorrectionPos, and OffsetAfter
// beyond it.
type SeqAdj struct {
	CorrectionPos uint32
	OffsetBefore  int32
	OffsetAfter   int32
}

// Synproxy is CTA_SYNPROXY: the initial sequence number, the timestamp and the timestamp offset.
type Synproxy struct {
	ISN, ITS, TSOffset uint32
}
