package wire

import (
	"encoding/binary"
	"net/netip"
)

// Addresses announces the sender's own addresses, whose connections neither unit replicates. It comes before the
// sender's first role, and again after each change. Units of version 4 do not know it.
type Addresses struct{ Own []netip.Addr }

// Kind implements Frame.
func (*Addresses) Kind() Kind { return KindAddresses }

// append appends at most maxAddresses addresses. The receiver would refuse more.
func (f *Addresses) append(b []byte) []byte {
	own := f.Own[:min(len(f.Own), maxAddresses)]
	b = binary.BigEndian.AppendUint16(b, uint16(len(own)))
	for _, address := range own {
		b = appendBytes(b, address.AsSlice())
	}
	return b
}

// decode implements Frame.
func (f *Addresses) decode(d *decoder) {
	const shortest = 1 + 4 // a length, and an IPv4 address
	for range d.count(maxAddresses, shortest) {
		b := d.bytes(maxAddress)
		address, ok := netip.AddrFromSlice(b)
		if !ok {
			d.fail("an address of %d bytes", len(b))
			return
		}
		f.Own = append(f.Own, address)
	}
}
