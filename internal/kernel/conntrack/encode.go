package conntrack

import "net/netip"

// encodeIdentity appends what finds an entry: its original tuple and its zone.
func encodeIdentity(b *builder, f *Flow) {
	b.addTuple(ctaTupleOrig, f.Orig)
	if f.Zone != 0 {
		b.add16(ctaZone, f.Zone)
	}
}

// encodeCreate appends everything that makes the entry anew.
//
// The kernel derives translation from CTA_NAT_*, applied to a reply tuple that is not translated yet; a reply tuple
// that already is would leave the entry without its NAT status bits, and packets untranslated.
func encodeCreate(b *builder, f *Flow) {
	encodeIdentity(b, f)
	reply := f.Orig.Inverse()
	reply.Zone = f.Reply.Zone
	source := f.Reply.Dst != f.Orig.Src || f.Reply.DstPort != f.Orig.SrcPort || f.Reply.ICMPID != f.Orig.ICMPID
	if source {
		misplace(&reply, f.Reply.Dst)
	}
	b.addTuple(ctaTupleReply, reply)
	if source {
		b.addNAT(ctaNATSrc, f.Reply.Dst, f.Reply, f.Reply.DstPort)
	}
	// Of a destination that is not translated it is said as well where there are ports: to find out by itself that it may
	// stay as it is, the kernel would look for whom it might be taken by.
	if f.Reply.Src != f.Orig.Dst || f.Reply.SrcPort != f.Orig.DstPort || f.Orig.HasPorts() {
		b.addNAT(ctaNATDst, f.Reply.Src, f.Reply, f.Reply.SrcPort)
	}
	if f.Fields.Has(FieldHelper) && f.Helper != "" {
		nest := b.open(ctaHelp)
		b.addText(ctaHelpName, f.Helper)
		b.close(nest)
	}
	if f.Fields.Has(FieldMaster) {
		b.addTuple(ctaTupleMaster, f.Master)
	}
	encodeState(b, f)
}

// misplace gives a reply tuple, before its destination is translated, one that is most likely no connection's source.
// The translation overwrites it. But first the kernel looks how other connections from the same address and port are
// translated (find_appropriate_src in nf_nat_core.c), and walks through all of them: of the true source, as many as a
// resolver or a telephone exchange has, whose connections all begin at one port. The server's address is nobody's
// source as a rule; it will not do where it is what the source is translated to.
func misplace(reply *Tuple, translated netip.Addr) {
	if reply.Src != translated {
		reply.Dst = reply.Src
	}
}

// encodeUpdate appends what may change during an entry's life. Translation, helper and master may not: the kernel
// refuses them in an update, even unchanged.
func encodeUpdate(b *builder, f *Flow) {
	encodeIdentity(b, f)
	encodeState(b, f)
}

func encodeState(b *builder, f *Flow) {
	if f.Fields.Has(FieldTimeout) {
		b.add32(ctaTimeout, f.TimeoutSeconds)
	}
	if f.Fields.Has(FieldStatus) {
		b.add32(ctaStatus, uint32(f.Status))
	}
	if f.Fields&(FieldTCPState|FieldTCPWindow|FieldSCTP) != 0 {
		b.addProtoInfo(f)
	}
	if f.Fields.Has(FieldMark) {
		b.add32(ctaMark, f.Mark)
	}
	if f.Fields.Has(FieldLabels) {
		b.add(ctaLabels, f.Labels[:]...)
	}
	if f.Fields.Has(FieldSeqAdj) {
		b.addSeqAdj(ctaSeqAdjOrig, f.SeqAdjOrig)
		b.addSeqAdj(ctaSeqAdjReply, f.SeqAdjReply)
	}
	if f.Fields.Has(FieldSynproxy) {
		nest := b.open(ctaSynproxy)
		b.add32(ctaSynproxyISN, f.Synproxy.ISN)
		b.add32(ctaSynproxyITS, f.Synproxy.ITS)
		b.add32(ctaSynproxyTSOffset, f.Synproxy.TSOffset)
		b.close(nest)
	}
}

func (b *builder) addTuple(kind uint16, t Tuple) {
	tuple := b.open(kind)
	ip := b.open(ctaTupleIP)
	src, dst := uint16(ctaIPv6Src), uint16(ctaIPv6Dst)
	if t.Src.Is4() {
		src, dst = ctaIPv4Src, ctaIPv4Dst
	}
	b.addAddress(src, t.Src)
	b.addAddress(dst, t.Dst)
	b.close(ip)

	protocol := b.open(ctaTupleProto)
	b.add(ctaProtoNum, t.Protocol)
	switch {
	case t.HasPorts():
		b.add16(ctaProtoSrcPort, t.SrcPort)
		b.add16(ctaProtoDstPort, t.DstPort)
	case t.Protocol == ProtocolICMP:
		b.add16(ctaProtoICMPID, t.ICMPID)
		b.add(ctaProtoICMPType, t.ICMPType)
		b.add(ctaProtoICMPCode, t.ICMPCode)
	case t.Protocol == ProtocolICMPv6:
		b.add16(ctaProtoICMPv6ID, t.ICMPID)
		b.add(ctaProtoICMPv6Type, t.ICMPType)
		b.add(ctaProtoICMPv6Code, t.ICMPCode)
	}
	b.close(protocol)
	if t.Zone != 0 {
		b.add16(ctaTupleZone, t.Zone)
	}
	b.close(tuple)
}

// addNAT asks for one address and, where the protocol has one, one port: a range of one, since any other choice of the
// kernel's would be another connection.
func (b *builder) addNAT(kind uint16, to netip.Addr, t Tuple, port uint16) {
	nat := b.open(kind)
	low, high := uint16(ctaNATv6Min), uint16(ctaNATv6Max)
	if to.Is4() {
		low, high = ctaNATv4Min, ctaNATv4Max
	}
	b.addAddress(low, to)
	b.addAddress(high, to)
	if t.IsICMP() {
		port = t.ICMPID // the identifier is the one "port" that ICMP has
	}
	if t.IsICMP() || t.HasPorts() && t.Protocol != ProtocolGRE { // the kernel keeps GRE keys as they are
		ports := b.open(ctaNATProto)
		b.add16(ctaNATPortMin, port)
		b.add16(ctaNATPortMax, port)
		b.close(ports)
	}
	b.close(nat)
}

func (b *builder) addProtoInfo(f *Flow) {
	info := b.open(ctaProtoInfo)
	if f.Fields&(FieldTCPState|FieldTCPWindow) != 0 {
		tcp := b.open(ctaProtoInfoTCP)
		if f.Fields.Has(FieldTCPState) {
			b.add(ctaTCPState, uint8(f.TCP.State))
		}
		if f.Fields.Has(FieldTCPWindow) {
			// The kernel takes the scales only where both flags say that they were announced.
			b.add(ctaTCPScaleOrig, f.TCP.ScaleOrig)
			b.add(ctaTCPScaleReply, f.TCP.ScaleReply)
			b.add(ctaTCPFlagsOrig, uint8(f.TCP.FlagsOrig), uint8(TCPAllFlags))
			b.add(ctaTCPFlagsReply, uint8(f.TCP.FlagsReply), uint8(TCPAllFlags))
		}
		b.close(tcp)
	}
	if f.Fields.Has(FieldSCTP) {
		sctp := b.open(ctaProtoInfoSCTP)
		b.add(ctaSCTPState, f.SCTP.State)
		b.add32(ctaSCTPTagOrig, f.SCTP.TagOrig)
		b.add32(ctaSCTPTagReply, f.SCTP.TagReply)
		b.close(sctp)
	}
	b.close(info)
}

func (b *builder) addSeqAdj(kind uint16, s SeqAdj) {
	nest := b.open(kind)
	b.add32(ctaSeqAdjPos, s.CorrectionPos)
	b.add32(ctaSeqAdjBefore, uint32(s.OffsetBefore))
	b.add32(ctaSeqAdjAfter, uint32(s.OffsetAfter))
	b.close(nest)
}
