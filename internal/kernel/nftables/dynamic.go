package nftables

import (
	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// allDynamic returns the dynamic sets of a ruleset.
func allDynamic(r ruleset.Ruleset) (all []content) {
	for _, s := range r.DynamicSets {
		c := content{
			name: s.Name, key: typeOf(s.Key), isJoined: len(s.Key) > 1, isDynamic: true, isCache: s.IsFilledByRules,
			timeout: s.Timeout, size: ruleset.MaxDynamicElements,
		}
		if len(s.Value) > 0 {
			values := typeOf(s.Value)
			c.values = &values
		}
		all = append(all, c)
	}
	return all
}

// typeOf returns the type of one value or of several that are concatenated.
func typeOf(types []ruleset.ElementType) nftables.SetDatatype {
	slotNumber := nftables.TypeInteger
	slotNumber.Bytes = 4 // A sequence or hash of the kernel, which has no type in nft.
	known := map[ruleset.ElementType]nftables.SetDatatype{
		ruleset.IPv4Address: nftables.TypeIPAddr, ruleset.IPv6Address: nftables.TypeIP6Addr,
		ruleset.PortNumber: nftables.TypeInetService, ruleset.ProtocolNumber: nftables.TypeInetProto,
		ruleset.InterfaceName: nftables.TypeIFName, ruleset.FamilyNumber: nftables.TypeNFProto,
		ruleset.SlotNumber: slotNumber, ruleset.PacketMark: nftables.TypeMark,
	}
	if len(types) == 1 {
		return known[types[0]]
	}
	all := make([]nftables.SetDatatype, 0, len(types))
	for _, t := range types {
		all = append(all, known[t])
	}
	return nftables.MustConcatSetType(all...)
}

// isDeclared reports whether the kernel's set has the types, flags and bounds of a dynamic set.
func isDeclared(want content, got message) bool {
	values := nftables.SetDatatype{}
	flags := uint32(unix.NFT_SET_TIMEOUT)
	if want.values != nil {
		values = *want.values
		flags |= unix.NFT_SET_MAP
	}
	if want.isCache {
		flags |= unix.NFT_SET_EVAL
	}
	if want.isJoined {
		flags |= nftables.NFT_SET_CONCAT
	}
	return got.number(unix.NFTA_SET_FLAGS) == flags &&
		got.number(unix.NFTA_SET_KEY_TYPE) == want.key.GetNFTMagic() &&
		got.number(unix.NFTA_SET_KEY_LEN) == want.key.Bytes &&
		got.number(unix.NFTA_SET_DATA_TYPE) == values.GetNFTMagic() &&
		got.number(unix.NFTA_SET_DATA_LEN) == values.Bytes &&
		got.milliseconds(unix.NFTA_SET_TIMEOUT) == want.timeout &&
		nested(got.get(unix.NFTA_SET_DESC)).number(unix.NFTA_SET_DESC_SIZE) == want.size
}
