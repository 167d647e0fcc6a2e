package conntrack

import (
	"bytes"
	"net/netip"
)

// encodeExpectation appends everything that the kernel needs to create the expectation.
func encodeExpectation(b *builder, e *Expectation) {
	b.addTuple(ctaExpectMaster, e.Master)
	b.addTuple(ctaExpectTuple, e.Tuple)
	b.addTuple(ctaExpectMask, e.mask())
	b.add32(ctaExpectTimeout, e.TimeoutSeconds)
	b.add32(ctaExpectFlags, uint32(e.Flags))
	if e.Helper != "" {
		b.addText(ctaExpectHelpName, e.Helper)
		b.add32(ctaExpectClass, e.Class)
	}
	if e.NAT.Address.IsValid() {
		nat := b.open(ctaExpectNAT)
		b.add32(ctaExpectNATDir, e.NAT.Direction)
		b.addTuple(ctaExpectNATTuple, Tuple{
			Src: e.NAT.Address, Dst: unspecified(e.NAT.Address), Protocol: e.Tuple.Protocol, SrcPort: e.NAT.Port,
		})
		b.close(nat)
	}
	if e.Function != "" {
		b.addText(ctaExpectFn, e.Function)
	}
}

// mask returns the mask as a tuple. The kernel only uses the source, and the rest must be complete.
func (e *Expectation) mask() Tuple {
	return Tuple{
		Src: e.Mask.Src, Dst: allOnes(e.Tuple.Dst), Protocol: e.Tuple.Protocol,
		SrcPort: e.Mask.SrcPort, DstPort: 0xffff,
	}
}

// allOnes returns the mask of a whole address.
func allOnes(like netip.Addr) netip.Addr {
	ones, _ := netip.AddrFromSlice(bytes.Repeat([]byte{0xff}, like.BitLen()/8))
	return ones
}
