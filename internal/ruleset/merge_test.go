package ruleset

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Merged ranges hold the same addresses as those before, and no two of them touch. The test draws from a few addresses,
// so that blocks meet often, and from the highest ones, which include the one without a successor.
func TestMergeRuns(t *testing.T) {
	address := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{255, 255, 255, byte(224 + i)}) }
	rapid.Check(t, func(t *rapid.T) {
		var blocks []AddressRun
		for range rapid.IntRange(1, 6).Draw(t, "blocks") {
			first := rapid.IntRange(0, 31).Draw(t, "first")
			last := rapid.IntRange(first, 31).Draw(t, "last")
			blocks = append(blocks, AddressRun{First: address(first), Last: address(last)})
		}
		runs := MergeRuns(blocks)
		for i := range 32 {
			a := address(i)
			want := slices.ContainsFunc(blocks, func(b AddressRun) bool {
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

func TestRunOf(t *testing.T) {
	for prefix, want := range map[string]string{
		"192.0.2.7/24": "192.0.2.0/24", "192.0.2.7/32": "192.0.2.7", "10.1.2.3/7": "10.0.0.0/7",
		"2001:db8::7/61": "2001:db8::/61", "2001:db8::7/128": "2001:db8::7", "::/0": "::/0",
	} {
		if got := RunOf(netip.MustParsePrefix(prefix)); got.String() != want {
			t.Errorf("%s: got %s, want %s", prefix, got, want)
		}
	}
}
