package conntrack

import "net/netip"

// encodeIdentity appends the attributes that identify an entry: its original tuple and its zone.
func encodeIdentity(b *builder, f *Flow) {
	b.addTuple(ctaTupleOrig, f.Orig)
	if f.Zone != 0 {
		b.add16(ctaZone, f.Zone)
	}
}

// encodeCreate appends everything that the kernel needs to create the entry.
//
// The kernel derives the translation from CTA_NAT_*, which it applies to an untranslated reply tuple. With a translated
// reply tuple the entry would have no NAT status bits, and its packets would stay untranslated.
func encodeCreate(b *builder, f *Flow) {
	encodeIdentity(b, f)
	reply := f.Orig.Inverse()
	reply.Zone = f.Reply.Zone
	source := f.Reply.Dst != f.Orig.Src || f.Reply.DstPort != f.Orig.SrcPort || f.Reply.ICMPID != f.Orig.ICMPID
	if source {
		avoidSourceSearch(&reply, f.Reply.Dst)
	}
	b.addTuple(ctaTupleReply, reply)
	if source {
		b.addNAT(ctaNATSrc, f.Reply.Dst, f.Reply, f.Reply.DstPort)
	}
	// With ports, name the destination even when it is not translated. Otherwise the kernel searches for a conflict to
	// find out that the destination can stay.
	if f.Reply.Src != f.Orig.Dst || f.Reply.SrcPort != f.Orig.DstPort || f.Orig.HasPorts() {
		b.addNAT(ctaNATDst, f.Reply.Src, f.Reply, f.Reply.SrcPort)
	}
	b.addHelper(f)
	if f.Fields.Has(FieldMaster) {
		b.addTuple(ctaTupleMaster, f.Master)
	}
	encodeState(b, f)
}

// avoidSourceSearch replaces the destination of a reply tuple, before translation, with an address that is unlikely to
// be the source of a connection. The translation then overwrites it.
//
// Before it translates, the kernel walks through all other connections from this address and port
// (find_appropriate_src in nf_nat_core.c). For the true source of a resolver or a telephone exchange these are many,
// since all their connections use one port. The server's address is rarely a source. It cannot be used if the source is
// translated to that same address.
func avoidSourceSearch(reply *Tuple, translated netip.Addr) {
	if reply.Src != translated {
		reply.Dst = reply.Src
	}
}

// encodeUpdate appends what can change during an entry's life. The kernel refuses translation and master in an update,
// even unchanged. It accepts the helper that the entry has, and refuses any other with EBUSY.
//
// The helper is repeated because that rearms it: a helper of TCP remembers the sequence numbers of the last command
// line, and ignores commands at other positions. After another unit forwarded the connection, what it remembers is out
// of date. The update makes the helper of FTP parse the next packet of each direction at any position.
func encodeUpdate(b *builder, f *Flow) {
	encodeIdentity(b, f)
	b.addHelper(f)
	encodeState(b, f)
}

// addHelper adds the name of the helper. It adds no empty name, with which the kernel would remove the helper together
// with its expectations.
func (b *builder) addHelper(f *Flow) {
	if f.Fields.Has(FieldHelper) && f.Helper != "" {
		nest := b.open(ctaHelp)
		b.addText(ctaHelpName, f.Helper)
		b.close(nest)
	}
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

// addNAT requests one address and, if the protocol has ports, one port. Both are ranges of one, because any other
// choice of the kernel would make another connection.
func (b *builder) addNAT(kind uint16, to netip.Addr, t Tuple, port uint16) {
	nat := b.open(kind)
	low, high := uint16(ctaNATv6Min), uint16(ctaNATv6Max)
	if to.Is4() {
		low, high = ctaNATv4Min, ctaNATv4Max
	}
	b.addAddress(low, to)
	b.addAddress(high, to)
	if t.IsICMP() {
		port = t.ICMPID // the kernel translates the identifier of ICMP as a port
	}
	if t.IsICMP() || t.HasPorts() && t.Protocol != ProtocolGRE { // the kernel does not translate GRE keys
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
			// The kernel applies the scales only if the flags of both directions contain TCPWindowScale.
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
