package plan

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// Merged ranges hold the same addresses as the blocks, and no two of them touch. The test draws from a few addresses,
// so that blocks meet often, and from the highest ones, which include the one without a successor.
func TestMergeBlocks(t *testing.T) {
	address := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{255, 255, 255, byte(224 + i)}) }
	rapid.Check(t, func(t *rapid.T) {
		var blocks []document.Block
		for range rapid.IntRange(1, 6).Draw(t, "blocks") {
			first := rapid.IntRange(0, 31).Draw(t, "first")
			last := rapid.IntRange(first, 31).Draw(t, "last")
			blocks = append(blocks, document.Block{First: address(first), Last: address(last)})
		}
		runs := mergeBlocks(blocks)
		for i := range 32 {
			a := address(i)
			want := slices.ContainsFunc(blocks, func(b document.Block) bool {
				return b.First.Compare(a) <= 0 && a.Compare(b.Last) <= 0
			})
			got := 0
			for _, r := range runs {
				if r.First.Compare(a) <= 0 && a.Compare(r.Last) <= 0 {
					got++
				}
			}
			if (got == 1) != want || got > 1 {
				t.Fatalf("%v is in %d of %v, made of %v", a, got, runs, blocks)
			}
		}
		for i := 1; i < len(runs); i++ {
			if touches(runs[i-1].Last, runs[i].First) {
				t.Fatalf("%v touch", runs)
			}
		}
	})
}

func TestMergePorts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var ranges []document.PortRange
		for range rapid.IntRange(1, 6).Draw(t, "ranges") {
			first := rapid.Uint16Range(65500, 65535).Draw(t, "first")
			ranges = append(ranges, document.PortRange{First: first, Last: rapid.Uint16Range(first, 65535).Draw(t, "last")})
		}
		runs := mergePorts(ranges)
		for port := 65500; port <= 65535; port++ {
			want := slices.ContainsFunc(ranges, func(r document.PortRange) bool {
				return int(r.First) <= port && port <= int(r.Last)
			})
			got := 0
			for _, r := range runs {
				if int(r.First) <= port && port <= int(r.Last) {
					got++
				}
			}
			if (got == 1) != want || got > 1 {
				t.Fatalf("%d is in %d of %v, made of %v", port, got, runs, ranges)
			}
		}
	})
}
