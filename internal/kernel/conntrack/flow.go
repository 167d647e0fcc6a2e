package conntrack

// Fields says which of a Flow's optional fields are set. An event carries only what changed, so a missing field means
// "as it was", never zero.
type Fields uint16

// The optional fields of a Flow.
const (
	FieldStatus Fields = 1 << iota
	FieldTimeout
	FieldMark
	FieldTCPState
	// FieldTCPWindow is of the window scales and flags; the event of a closing entry has the state alone.
	FieldTCPWindow
	FieldSCTP
	FieldHelper
	FieldLabels
	FieldSeqAdj
	FieldMaster
	FieldSynproxy

	// AllFields is every field that there is.
	AllFields = FieldSynproxy<<1 - 1
)

// Has says whether all of the wanted fields are set.
func (f Fields) Has(wanted Fields) bool { return f&wanted == wanted }

// Flow is one entry of the table, or what an event says of one.
type Flow struct {
	// Fields says which of the fields below Reply and Zone are set.
	Fields Fields
	// Orig and Reply are the two directions. Where Reply is not the inverse of Orig, the difference is the translation.
	Orig, Reply Tuple
	// Zone separates tables that share addresses (CTA_ZONE); 0 is the default one.
	Zone uint16
	// Status is what the kernel knows of the entry's life (CTA_STATUS).
	Status Status
	// TimeoutSeconds is the time left (CTA_TIMEOUT).
	TimeoutSeconds uint32
	// Mark is the packet mark's twin (CTA_MARK).
	Mark uint32
	// ID is the kernel's own name of the entry, never of use on another machine (CTA_ID); 0 when not told.
	ID uint32
	// TCP and SCTP are the protocol's state (CTA_PROTOINFO).
	TCP  TCP
	SCTP SCTP
	// Helper names the application helper (CTA_HELP_NAME), as in "ftp".
	Helper string
	// Labels are 128 bits that a ruleset sets at will (CTA_LABELS).
	Labels [LabelsSize]byte
	// SeqAdjOrig and SeqAdjReply correct TCP sequence numbers where a helper changed a payload's length.
	SeqAdjOrig, SeqAdjReply SeqAdj
	// Master is the original tuple of the entry that this one was expected by (CTA_TUPLE_MASTER).
	Master Tuple
	// Synproxy is what a SYN proxy must remember of the handshake it made (CTA_SYNPROXY).
	Synproxy Synproxy
}

// LabelsSize is the size of the kernel's label bit field, in bytes (XT_CONNLABEL_MAXBIT).
const LabelsSize = 16

// Translated says whether addresses or ports are translated.
func (f *Flow) Translated() bool {
	reply := f.Reply
	reply.Zone = 0
	return reply != f.Orig.Inverse()
}

// Status is the kernel's enum ip_conntrack_status.
type Status uint32

// The bits of Status that matter outside of the kernel.
const (
	// StatusExpected marks an entry that a helper expected; it can be set by naming a master, and no other way.
	StatusExpected Status = 1 << 0
	// StatusSeenReply says that packets of both directions were seen.
	StatusSeenReply Status = 1 << 1
	// StatusAssured keeps the entry when the table is full.
	StatusAssured Status = 1 << 2
	// StatusConfirmed is of every entry in the table.
	StatusConfirmed Status = 1 << 3
	StatusSrcNAT    Status = 1 << 4
	StatusDstNAT    Status = 1 << 5
	// StatusSeqAdjust says that sequence numbers are corrected; set by giving the corrections.
	StatusSeqAdjust Status = 1 << 6
	StatusDying     Status = 1 << 9
	// StatusFixedTimeout stops packets from refreshing the time-out, and anyone from changing it.
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

// TCPFlags are what the kernel notes of one direction of a TCP entry (IP_CT_TCP_FLAG_*).
type TCPFlags uint8

// The flags of a direction.
const (
	TCPWindowScale TCPFlags = 0x01
	TCPSACKPermit  TCPFlags = 0x02
	// TCPCloseInit says that this side sent the first FIN.
	TCPCloseInit TCPFlags = 0x04
	// TCPBeLiberal lets packets outside of the window that the kernel believes in pass.
	TCPBeLiberal          TCPFlags = 0x08
	TCPDataUnacknowledged TCPFlags = 0x10
	// TCPMaxAckSet says that the highest acknowledgement is known, against which resets are checked.
	TCPMaxAckSet       TCPFlags = 0x20
	TCPChallengeAck    TCPFlags = 0x40
	TCPSimultaneous    TCPFlags = 0x80
	TCPAllFlags        TCPFlags = 0xff
	TCPNegotiatedFlags          = TCPWindowScale | TCPSACKPermit | TCPCloseInit
)

// TCP is CTA_PROTOINFO_TCP. The sequence numbers and windows that the kernel tracks are not in it: it tells nobody.
type TCP struct {
	State TCPState
	// ScaleOrig and ScaleReply are the window scales that each side announced, valid with TCPWindowScale of both.
	ScaleOrig, ScaleReply uint8
	FlagsOrig, FlagsReply TCPFlags
}

// SCTP is CTA_PROTOINFO_SCTP: the state and the verification tags, which packets are checked against.
type SCTP struct {
	State             uint8
	TagOrig, TagReply uint32
}

// SeqAdj is CTA_SEQ_ADJ_ORIG or _REPLY: add OffsetBefore up to CorrectionPos, OffsetAfter beyond it.
type SeqAdj struct {
	CorrectionPos uint32
	OffsetBefore  int32
	OffsetAfter   int32
}

// Synproxy is CTA_SYNPROXY: initial sequence number, timestamp and its offset.
type Synproxy struct {
	ISN, ITS, TSOffset uint32
}
