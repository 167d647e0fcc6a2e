package conntrack

import "net/netip"

// Expectation is a connection that a helper expects, such as a data connection of FTP. The kernel accepts its first
// packet as related to the master, and translates it as the helper has announced.
//
// Numbers and semantics are those of CTA_EXPECT_* in include/uapi/linux/netfilter/nfnetlink_conntrack.h.
type Expectation struct {
	// Master is the original tuple of the connection whose helper expects this one.
	Master Tuple
	// Tuple is the original tuple of the expected connection. Of the source, only the bits of the mask count.
	Tuple Tuple
	// Mask has the bits of the source address and port that must match.
	Mask ExpectationMask
	// TimeoutSeconds is the remaining lifetime. The kernel ignores it when an expectation is created.
	TimeoutSeconds uint32
	// ID identifies the expectation in this kernel alone. It is 0 when the message has none.
	ID uint32
	// Helper names a helper. The kernel reports that of the master. When an expectation is created, it is the helper of
	// the expected connection, and may be empty.
	Helper string
	Flags  ExpectationFlags
	// Class is the index of the helper's policy, which bounds the number of expectations. When an expectation is created,
	// the kernel only uses it together with Helper.
	Class uint32
	// NAT is how the expected connection is translated. It is the zero value without translation.
	NAT ExpectationNAT
	// Function names what the kernel calls for the first packet, as in "nat-follow-master". It is empty without one.
	Function string
}

// ExpectationMask has the bits of a source that must match.
type ExpectationMask struct {
	Src     netip.Addr
	SrcPort uint16
}

// ExpectationNAT is CTA_EXPECT_NAT. The helper saves it for the function of the expectation.
type ExpectationNAT struct {
	// Direction is that of the translation in the expected connection: 0 for the original direction, 1 for the reply.
	Direction uint32
	// Address and Port are the saved ones, before the helper changed the payload. Address is invalid without translation.
	Address netip.Addr
	Port    uint16
}

// ExpectationFlags are NF_CT_EXPECT_*.
type ExpectationFlags uint32

// The flags of an expectation.
const (
	// ExpectationPermanent stays after the first connection that meets it.
	ExpectationPermanent ExpectationFlags = 1 << 0
	// ExpectationInactive meets no connection yet.
	ExpectationInactive ExpectationFlags = 1 << 1
)

// ExpectationEvent is one change of the table of expectations.
type ExpectationEvent struct {
	// Kind is EventNew or EventDestroy. The kernel does not report changes of an expectation.
	Kind        EventKind
	Expectation Expectation
}

// valid reports whether the expectation has all that identifies it.
func (e *Expectation) valid() bool {
	return e.Master.valid() && e.Tuple.valid() && e.Mask.Src.IsValid() && e.Mask.Src.Is4() == e.Tuple.Src.Is4()
}

// Clashes reports whether both expectations could meet the same connection, so that the kernel refuses to have both.
func (e *Expectation) Clashes(other *Expectation) bool {
	if e.Tuple.Protocol != other.Tuple.Protocol || e.Tuple.Dst != other.Tuple.Dst ||
		e.Tuple.DstPort != other.Tuple.DstPort || !e.valid() || !other.valid() {
		return false
	}
	if (e.Tuple.SrcPort^other.Tuple.SrcPort)&e.Mask.SrcPort&other.Mask.SrcPort != 0 {
		return false
	}
	a, b := e.Tuple.Src.AsSlice(), other.Tuple.Src.AsSlice()
	mask, otherMask := e.Mask.Src.AsSlice(), other.Mask.Src.AsSlice()
	for i := range a {
		if (a[i]^b[i])&mask[i]&otherMask[i] != 0 {
			return false
		}
	}
	return true
}
