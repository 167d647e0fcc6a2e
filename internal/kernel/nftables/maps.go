package nftables

import (
	"encoding/binary"
	"math"
	"net"

	"github.com/google/nftables"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// allMaps returns the maps of a ruleset.
func allMaps(r ruleset.Ruleset) []content {
	mark, size := nftables.TypeMark, nftables.TypeInteger
	size.Bytes = 2 // The field in the header of TCP, which has no type in nft.
	var all []content
	for _, m := range r.PathMaps {
		c := content{name: m.Name, key: nftables.TypeIFName, values: &mark, elements: pathElements(m)}
		if !m.ToUnit {
			c.key, c.isJoined = nftables.MustConcatSetType(nftables.TypeIFName, nftables.TypeIFName), true
		}
		all = append(all, c)
	}
	for _, m := range r.SegmentMaps {
		all = append(all, content{name: m.Name, key: nftables.TypeIFName, values: &size, elements: segmentElements(m)})
	}
	return all
}

func pathElements(m ruleset.PathMap) (elements []nftables.SetElement) {
	for _, p := range m.Paths {
		key := interfaceName(p.In)
		if !m.ToUnit {
			key = append(key, interfaceName(p.Out)...)
		}
		elements = append(elements, nftables.SetElement{Key: key, Val: binary.NativeEndian.AppendUint32(nil, p.Mark)})
	}
	return elements
}

// segmentElements returns the size for each interface. An interface that does not exist has one that limits nothing.
func segmentElements(m ruleset.SegmentMap) (elements []nftables.SetElement) {
	for _, i := range m.Interfaces {
		mtu := int(i.MTU)
		if mtu == 0 {
			mtu = mtuOf(i.Interface)
		}
		size := port(m.Family.SegmentSize(mtu))
		elements = append(elements, nftables.SetElement{Key: interfaceName(i.Interface), Val: size})
	}
	return elements
}

// mtuOf returns the MTU of an interface.
func mtuOf(name string) int {
	link, err := net.InterfaceByName(name)
	if err != nil {
		return math.MaxInt
	}
	return link.MTU
}
