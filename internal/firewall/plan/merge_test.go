package plan

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

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
