package ruleset

import (
	"bytes"
	"net/netip"
	"slices"
)

// A rule compares a value with one range itself. It needs a set for several.

// family returns the family of the addresses.
func (r AddressRun) family() Family { return FamilyOf(r.First) }

// match returns the match of a field of the header in nft.
func (r AddressRun) match(field string) string {
	return r.family().String() + " " + field + " " + r.String()
}

// IsFamily reports whether the range has all addresses of its family. No field needs to be compared with it.
func (r AddressRun) IsFamily() bool {
	prefix, ok := r.prefix()
	return ok && prefix.Bits() == 0
}

// steps compares the address at a place of the header with the range. Of a prefix of whole bytes it loads no more than
// these, as nft does.
func (r AddressRun) steps(at LoadHeader) []Step {
	first, last := r.First.AsSlice(), r.Last.AsSlice()
	prefix, ok := r.prefix()
	switch {
	case !ok:
		return withFamily(r.family(), append([]Step{at}, between(first, last)...)...)
	case prefix.Bits() == 0:
		return withFamily(r.family())
	case prefix.Bits()%8 == 0:
		at.Length = uint32(prefix.Bits() / 8) //nolint:gosec // It is at most 16.
		return withFamily(r.family(), at, Equal{first[:at.Length]})
	default:
		mask := make([]byte, len(first))
		for i := range mask {
			mask[i] = ^(first[i] ^ last[i])
		}
		return withFamily(r.family(), at, Mask{mask}, Equal{first})
	}
}

// between returns the comparison of the loaded value with a range.
func between(first, last []byte) []Step {
	if bytes.Equal(first, last) {
		return []Step{Equal{first}}
	}
	return []Step{AtLeast{first}, AtMost{last}}
}

// RunOf returns the addresses of a prefix.
func RunOf(p netip.Prefix) AddressRun {
	first := p.Masked().Addr()
	last := first.AsSlice()
	for bit := p.Bits(); bit < first.BitLen(); bit++ {
		last[bit/8] |= 0x80 >> (bit % 8)
	}
	end, _ := netip.AddrFromSlice(last) // It has the length of an address.
	return AddressRun{First: first, Last: end}
}

// MergeRuns sorts ranges of one family and merges those that overlap or touch, since the kernel refuses overlapping
// intervals.
func MergeRuns(runs []AddressRun) (merged []AddressRun) {
	sorted := slices.SortedFunc(slices.Values(runs), func(a, b AddressRun) int { return a.First.Compare(b.First) })
	for _, r := range sorted {
		if n := len(merged); n > 0 && touches(merged[n-1].Last, r.First) {
			merged[n-1].Last = later(merged[n-1].Last, r.Last)
			continue
		}
		merged = append(merged, r)
	}
	return merged
}

// touches reports whether first is at most one after last. The highest address has no successor and touches everything.
func touches(last, first netip.Addr) bool {
	next := last.Next()
	return !next.IsValid() || first.Compare(next) <= 0
}

func later(a, b netip.Addr) netip.Addr {
	if a.Less(b) {
		return b
	}
	return a
}
