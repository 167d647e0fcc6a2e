//go:build netns

package pair_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/hapair-io/hapair/test/testbed/pair"
)

// maxOverloaded bounds what one program of a unit has used of the memory under overload.
const maxOverloaded = 128 << 20

// wantMemory prints the memory of units, and fails if a program has used more than the bound.
func wantMemory(t *testing.T, units ...*pair.Unit) {
	t.Helper()
	for _, unit := range units {
		all := unit.Memory()
		for _, program := range slices.Sorted(maps.Keys(all)) {
			memory := all[program]
			t.Logf("memory of %s of unit %s: %d MiB, at most %d MiB", program, unit.Name, memory.Resident>>20, memory.Peak>>20)
			if memory.Peak > maxOverloaded {
				t.Errorf("%s of unit %s has used %d MiB, want at most %d MiB", program, unit.Name, memory.Peak>>20,
					maxOverloaded>>20)
			}
		}
	}
}
