package conntrack

import (
	"bytes"
	"fmt"
	"net/netip"
)

// Decode reads the attributes of one entry: the body of a ctnetlink message after its headers. Attributes that it does
// not know are skipped, since each kernel release may add some.
func Decode(body []byte) (Flow, error) {
	var f Flow
	if err := walk(body, f.decodeAttribute); err != nil {
		return Flow{}, err
	}
	if !f.Orig.valid() || !f.Reply.valid() {
		return Flow{}, fmt.Errorf("%w: an entry without both of its tuples", ErrMalformed)
	}
	return f, nil
}

func (f *Flow) decodeAttribute(kind uint16, value []byte) error {
	switch kind {
	case ctaTupleOrig:
		return walk(value, f.Orig.decodeAttribute)
	case ctaTupleReply:
		return walk(value, f.Reply.decodeAttribute)
	case ctaTupleMaster:
		f.Fields |= FieldMaster
		return walk(value, f.Master.decodeAttribute)
	case ctaStatus:
		f.Fields |= FieldStatus
		return number((*uint32)(&f.Status), kind, value)
	case ctaTimeout:
		f.Fields |= FieldTimeout
		return number(&f.TimeoutSeconds, kind, value)
	case ctaMark:
		f.Fields |= FieldMark
		return number(&f.Mark, kind, value)
	case ctaZone:
		return number(&f.Zone, kind, value)
	case ctaID:
		return number(&f.ID, kind, value)
	case ctaProtoInfo:
		return walk(value, f.decodeProtoInfo)
	case ctaHelp:
		return walk(value, f.decodeHelp)
	case ctaLabels:
		f.Fields |= FieldLabels
		return f.decodeLabels(value)
	case ctaSeqAdjOrig:
		f.Fields |= FieldSeqAdj
		return walk(value, f.SeqAdjOrig.decodeAttribute)
	case ctaSeqAdjReply:
		f.Fields |= FieldSeqAdj
		return walk(value, f.SeqAdjReply.decodeAttribute)
	case ctaSynproxy:
		f.Fields |= FieldSynproxy
		return walk(value, f.Synproxy.decodeAttribute)
	default:
		return nil
	}
}

func (t *Tuple) decodeAttribute(kind uint16, value []byte) error {
	switch kind {
	case ctaTupleIP:
		return walk(value, t.decodeAddress)
	case ctaTupleProto:
		return walk(value, t.decodeProtocol)
	case ctaTupleZone:
		return number(&t.Zone, kind, value)
	default:
		return nil
	}
}

func (t *Tuple) decodeAddress(kind uint16, value []byte) error {
	size := 4
	if kind == ctaIPv6Src || kind == ctaIPv6Dst {
		size = 16
	}
	address, ok := netip.AddrFromSlice(value)
	if kind <= ctaIPv6Dst && (!ok || len(value) != size) {
		return fmt.Errorf("%w: an address of %d bytes", ErrMalformed, len(value))
	}
	switch kind {
	case ctaIPv4Src, ctaIPv6Src:
		t.Src = address
	case ctaIPv4Dst, ctaIPv6Dst:
		t.Dst = address
	}
	return nil
}

func (t *Tuple) decodeProtocol(kind uint16, value []byte) error {
	switch kind {
	case ctaProtoNum:
		return number(&t.Protocol, kind, value)
	case ctaProtoSrcPort:
		return number(&t.SrcPort, kind, value)
	case ctaProtoDstPort:
		return number(&t.DstPort, kind, value)
	case ctaProtoICMPID, ctaProtoICMPv6ID:
		return number(&t.ICMPID, kind, value)
	case ctaProtoICMPType, ctaProtoICMPv6Type:
		return number(&t.ICMPType, kind, value)
	case ctaProtoICMPCode, ctaProtoICMPv6Code:
		return number(&t.ICMPCode, kind, value)
	default:
		return nil
	}
}

func (f *Flow) decodeProtoInfo(kind uint16, value []byte) error {
	switch kind {
	case ctaProtoInfoTCP:
		return walk(value, f.decodeTCP)
	case ctaProtoInfoSCTP:
		f.Fields |= FieldSCTP
		return walk(value, f.SCTP.decodeAttribute)
	default:
		return nil
	}
}

func (f *Flow) decodeTCP(kind uint16, value []byte) error {
	switch kind {
	case ctaTCPState:
		f.Fields |= FieldTCPState
		return number((*uint8)(&f.TCP.State), kind, value)
	case ctaTCPScaleOrig:
		f.Fields |= FieldTCPWindow
		return number(&f.TCP.ScaleOrig, kind, value)
	case ctaTCPScaleReply:
		return number(&f.TCP.ScaleReply, kind, value)
	case ctaTCPFlagsOrig:
		return decodeTCPFlags(&f.TCP.FlagsOrig, value)
	case ctaTCPFlagsReply:
		return decodeTCPFlags(&f.TCP.FlagsReply, value)
	default:
		return nil
	}
}

// decodeTCPFlags reads struct nf_ct_tcp_flags; its mask means something only towards the kernel.
func decodeTCPFlags(into *TCPFlags, value []byte) error {
	if len(value) != 2 {
		return fmt.Errorf("%w: TCP flags of %d bytes", ErrMalformed, len(value))
	}
	*into = TCPFlags(value[0])
	return nil
}

func (s *SCTP) decodeAttribute(kind uint16, value []byte) error {
	switch kind {
	case ctaSCTPState:
		return number(&s.State, kind, value)
	case ctaSCTPTagOrig:
		return number(&s.TagOrig, kind, value)
	case ctaSCTPTagReply:
		return number(&s.TagReply, kind, value)
	default:
		return nil
	}
}

// maxHelperName is NF_CT_HELPER_NAME_LEN with its final zero.
const maxHelperName = 16

func (f *Flow) decodeHelp(kind uint16, value []byte) error {
	if kind != ctaHelpName {
		return nil
	}
	name := bytes.TrimRight(value, "\x00")
	if len(name) >= maxHelperName || bytes.IndexByte(name, 0) >= 0 {
		return fmt.Errorf("%w: a helper's name of %d bytes", ErrMalformed, len(value))
	}
	f.Fields |= FieldHelper
	f.Helper = string(name)
	return nil
}

func (f *Flow) decodeLabels(value []byte) error {
	if len(value) > LabelsSize {
		return fmt.Errorf("%w: labels of %d bytes", ErrMalformed, len(value))
	}
	copy(f.Labels[:], value)
	return nil
}

func (s *SeqAdj) decodeAttribute(kind uint16, value []byte) error {
	var n uint32
	switch kind {
	case ctaSeqAdjPos:
		return number(&s.CorrectionPos, kind, value)
	case ctaSeqAdjBefore:
		err := number(&n, kind, value)
		s.OffsetBefore = int32(n)
		return err
	case ctaSeqAdjAfter:
		err := number(&n, kind, value)
		s.OffsetAfter = int32(n)
		return err
	default:
		return nil
	}
}

func (s *Synproxy) decodeAttribute(kind uint16, value []byte) error {
	switch kind {
	case ctaSynproxyISN:
		return number(&s.ISN, kind, value)
	case ctaSynproxyITS:
		return number(&s.ITS, kind, value)
	case ctaSynproxyTSOffset:
		return number(&s.TSOffset, kind, value)
	default:
		return nil
	}
}
