//go:build netns

package conntrack_test

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// sameSource returns a connection from a fixed address and port to one of many servers. Its port is kept or translated
// to an individual one.
func sameSource(i int, keep bool) conntrack.Flow {
	f := flows()["UDP"]
	f.Orig.SrcPort = 5060
	f.Orig.Dst = netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)})
	f.Orig.DstPort = 53 + uint16(i>>16)
	f.Reply = f.Orig.Inverse()
	f.Reply.Dst = netip.MustParseAddr("203.0.113.1")
	if !keep {
		f.Reply.DstPort = uint16(1024 + i)
	}
	return f
}

// TestConnectionsFromOnePortAreCreatedQuickly is about clients like resolvers. Each connection would take a millisecond
// if the kernel walked through all earlier ones.
func TestConnectionsFromOnePortAreCreatedQuickly(t *testing.T) {
	for name, keep := range map[string]bool{"translated": false, "kept": true} {
		t.Run(name, func(t *testing.T) {
			namespace, table := open(t)
			const many = 30_000
			requests := make([]conntrack.Request, many)
			for i := range requests {
				requests[i] = conntrack.Request{Operation: conntrack.Create, Flow: sameSource(i, keep)}
			}
			begun := time.Now()
			results, err := table.Do(requests, nil)
			if err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("%d connections took %s", many, took)
			}
			for _, r := range results {
				if r.Err != nil {
					t.Fatal(r.Err)
				}
			}
			wanted := map[conntrack.Tuple]conntrack.Flow{}
			for i := range requests {
				wanted[requests[i].Flow.Orig] = requests[i].Flow
			}
			for _, got := range dump(t, namespace) {
				if got.Reply != wanted[got.Orig].Reply || got.Status&conntrack.StatusSrcNAT == 0 {
					t.Fatalf("got %v / %v, status %#x", got.Orig, got.Reply, got.Status)
				}
				delete(wanted, got.Orig)
			}
			if len(wanted) > 0 {
				t.Errorf("%d are missing", len(wanted))
			}
			clash := sameSource(0, keep)
			clash.Orig.SrcPort++
			if err := one(t, table, conntrack.Create, clash).Err; !errors.Is(err, unix.EEXIST) {
				t.Errorf("a connection whose translated port is taken: %v, want that it exists", err)
			}
		})
	}
}
