package connections

import (
	"testing"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
)

// Span is the connections from one number to before another.
type Span struct{ First, End int }

// Len is how many they are.
func (s Span) Len() int { return s.End - s.First }

// numberOf is the number of a connection that was made here. Numbers repeat when there is a port of a server for none
// of them any more.
func numberOf(f *conntrack.Flow) (number int, ok bool) {
	if f.Orig.DstPort != serverPort || f.Orig.SrcPort < firstPort || !servers.Contains(f.Orig.Dst) {
		return 0, false
	}
	return int(f.Orig.Dst.As4()[3])*portsPerServer + int(f.Orig.SrcPort-firstPort), true
}

// distinct is how many numbers there are before they repeat.
const distinct = 256 * portsPerServer

// Compare reads the table of a namespace, and returns how many of the connections it lacks, and how many others it has
// that were made here.
func Compare(t testing.TB, n *testbed.Namespace, span Span) (missing, surplus int) {
	t.Helper()
	found := make([]bool, span.Len())
	err := n.Do(func() error {
		return conntrack.Dump(t.Context(), func(f conntrack.Flow) error {
			number, ok := numberOf(&f)
			if !ok {
				return nil
			}
			at := (number - span.First%distinct + distinct) % distinct
			if at < len(found) {
				found[at] = true
			} else {
				surplus++
			}
			return nil
		})
	})
	if err != nil {
		t.Fatalf("Reading the table of %s: %v", n.Name, err)
	}
	for _, there := range found {
		if !there {
			missing++
		}
	}
	return missing, surplus
}
