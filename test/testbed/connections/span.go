package connections

import (
	"testing"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/test/testbed"
)

// Span is the connections with numbers from First to before End.
type Span struct{ First, End int }

// Len returns the number of connections.
func (s Span) Len() int { return s.End - s.First }

// numberOf returns the number of a connection that this package created. Numbers repeat once every port of every server
// is used.
func numberOf(f *conntrack.Flow) (number int, ok bool) {
	if f.Orig.DstPort != serverPort || f.Orig.SrcPort < firstPort || !servers.Contains(f.Orig.Dst) {
		return 0, false
	}
	return int(f.Orig.Dst.As4()[3])*portsPerServer + int(f.Orig.SrcPort-firstPort), true
}

// distinct is how many numbers there are before they repeat.
const distinct = 256 * portsPerServer

// Compare reads the table of a namespace. It returns how many connections of the span are missing, and how many others
// it has that this package created.
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
