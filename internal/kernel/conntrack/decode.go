package conntrack

import (
	"fmt"
	"net/netip"
)

// Decode decodes the attributes of one entry: the body of a ctnetlink message after its headers. It skips unknown
// attributes, because each kernel release may add some.
func Decode(body []byte) (f Flow, err error) {
	if err := f.decode(body); err != nil {
		return Flow{}, err
	}
	return f, nil
}

// decode overwrites the flow with the entry that the attributes describe.
func (f *Flow) decode(body []byte) error {
	*f = Flow{}
	a := attributes{rest: body}
	for a.next() {
		switch a.kind {
		case ctaTupleOrig:
			a.check(f.Orig.decode(a.value))
		case ctaTupleReply:
			a.check(f.Reply.decode(a.value))
		case ctaStatus:
			f.Fields |= FieldStatus
			a.uint32((*uint32)(&f.Status))
		case ctaTimeout:
			f.Fields |= FieldTimeout
			a.uint32(&f.TimeoutSeconds)
		case ctaMark:
			f.Fields |= FieldMark
			a.uint32(&f.Mark)
		case ctaZone:
			a.uint16(&f.Zone)
		case ctaID:
			a.uint32(&f.ID)
		case ctaProtoInfo:
			a.check(f.decodeProtoInfo(a.value))
		default:
			a.check(f.decodeRare(a.kind, a.value))
		}
	}
	if a.err != nil {
		return a.err
	}
	if !f.Orig.valid() || !f.Reply.valid() {
		return fmt.Errorf("%w: an entry without both of its tuples", ErrMalformed)
	}
	return nil
}

// decodeRare decodes attributes that few entries have.
func (f *Flow) decodeRare(kind uint16, value []byte) error {
	switch kind {
	case ctaTupleMaster:
		f.Fields |= FieldMaster
		return f.Master.decode(value)
	case ctaHelp:
		return f.decodeHelp(value)
	case ctaLabels:
		f.Fields |= FieldLabels
		return f.decodeLabels(value)
	case ctaSeqAdjOrig:
		f.Fields |= FieldSeqAdj
		return f.SeqAdjOrig.decode(value)
	case ctaSeqAdjReply:
		f.Fields |= FieldSeqAdj
		return f.SeqAdjReply.decode(value)
	case ctaSynproxy:
		f.Fields |= FieldSynproxy
		return f.Synproxy.decode(value)
	default:
		return nil
	}
}

func (t *Tuple) decode(b []byte) error {
	a := attributes{rest: b}
	for a.next() {
		switch a.kind {
		case ctaTupleIP:
			a.check(t.decodeAddresses(a.value))
		case ctaTupleProto:
			a.check(t.decodeProtocol(a.value))
		case ctaTupleZone:
			a.uint16(&t.Zone)
		}
	}
	return a.err
}

func (t *Tuple) decodeAddresses(b []byte) error {
	a := attributes{rest: b}
	for a.next() {
		switch a.kind {
		case ctaIPv4Src:
			a.address(&t.Src, 4)
		case ctaIPv4Dst:
			a.address(&t.Dst, 4)
		case ctaIPv6Src:
			a.address(&t.Src, 16)
		case ctaIPv6Dst:
			a.address(&t.Dst, 16)
		}
	}
	return a.err
}

func (a *attributes) address(into *netip.Addr, size int) {
	if a.checkSize(size) {
		*into, _ = netip.AddrFromSlice(a.value) // only fails for other sizes
	}
}

func (t *Tuple) decodeProtocol(b []byte) error {
	a := attributes{rest: b}
	for a.next() {
		switch a.kind {
		case ctaProtoNum:
			a.uint8(&t.Protocol)
		case ctaProtoSrcPort:
			a.uint16(&t.SrcPort)
		case ctaProtoDstPort:
			a.uint16(&t.DstPort)
		case ctaProtoICMPID, ctaProtoICMPv6ID:
			a.uint16(&t.ICMPID)
		case ctaProtoICMPType, ctaProtoICMPv6Type:
			a.uint8(&t.ICMPType)
		case ctaProtoICMPCode, ctaProtoICMPv6Code:
			a.uint8(&t.ICMPCode)
		}
	}
	return a.err
}

func (f *Flow) decodeProtoInfo(b []byte) error {
	a := attributes{rest: b}
	for a.next() {
		switch a.kind {
		case ctaProtoInfoTCP:
			a.check(f.decodeTCP(a.value))
		case ctaProtoInfoSCTP:
			f.Fields |= FieldSCTP
			a.check(f.SCTP.decode(a.value))
		}
	}
	return a.err
}

func (f *Flow) decodeTCP(b []byte) error {
	a := attributes{rest: b}
	for a.next() {
		switch a.kind {
		case ctaTCPState:
			f.Fields |= FieldTCPState
			a.uint8((*uint8)(&f.TCP.State))
		case ctaTCPScaleOrig:
			f.Fields |= FieldTCPWindow
			a.uint8(&f.TCP.ScaleOrig)
		case ctaTCPScaleReply:
			a.uint8(&f.TCP.ScaleReply)
		case ctaTCPFlagsOrig:
			a.flags(&f.TCP.FlagsOrig)
		case ctaTCPFlagsReply:
			a.flags(&f.TCP.FlagsReply)
		}
	}
	return a.err
}

// flags reads struct nf_ct_tcp_flags. It ignores the mask, which only matters in requests.
func (a *attributes) flags(into *TCPFlags) {
	if a.checkSize(2) {
		*into = TCPFlags(a.value[0])
	}
}

func (s *SCTP) decode(b []byte) error {
	a := attributes{rest: b}
	for a.next() {
		switch a.kind {
		case ctaSCTPState:
			a.uint8(&s.State)
		case ctaSCTPTagOrig:
			a.uint32(&s.TagOrig)
		case ctaSCTPTagReply:
			a.uint32(&s.TagReply)
		}
	}
	return a.err
}

// maxHelperName is NF_CT_HELPER_NAME_LEN. It includes the terminating zero.
const maxHelperName = 16

func (f *Flow) decodeHelp(b []byte) error {
	a := attributes{rest: b}
	for a.next() {
		if a.kind == ctaHelpName {
			f.Fields |= FieldHelper
			a.text(&f.Helper, maxHelperName)
		}
	}
	return a.err
}

func (f *Flow) decodeLabels(value []byte) error {
	if len(value) > LabelsSize {
		return fmt.Errorf("%w: labels of %d bytes", ErrMalformed, len(value))
	}
	copy(f.Labels[:], value)
	return nil
}

func (s *SeqAdj) decode(b []byte) error {
	a := attributes{rest: b}
	for a.next() {
		switch a.kind {
		case ctaSeqAdjPos:
			a.uint32(&s.CorrectionPos)
		case ctaSeqAdjBefore:
			a.int32(&s.OffsetBefore)
		case ctaSeqAdjAfter:
			a.int32(&s.OffsetAfter)
		}
	}
	return a.err
}

func (s *Synproxy) decode(b []byte) error {
	a := attributes{rest: b}
	for a.next() {
		switch a.kind {
		case ctaSynproxyISN:
			a.uint32(&s.ISN)
		case ctaSynproxyITS:
			a.uint32(&s.ITS)
		case ctaSynproxyTSOffset:
			a.uint32(&s.TSOffset)
		}
	}
	return a.err
}
