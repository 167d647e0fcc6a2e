//go:build netns

package conntrack_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// selected reports whether a flow is selected. It is a simple implementation of a Selection.
func selected(s conntrack.Selection, f conntrack.Flow) bool {
	for _, end := range []netip.Addr{f.Orig.Src, f.Orig.Dst, f.Reply.Src, f.Reply.Dst} {
		if slices.ContainsFunc(s.Excluded, func(n netip.Prefix) bool { return n.Contains(end) }) {
			return false
		}
	}
	return len(s.Protocols) == 0 || slices.Contains(s.Protocols, f.Orig.Protocol)
}

// networksOf returns networks with prefixes of many lengths around the ends of a connection.
func networksOf(f conntrack.Flow) (all []netip.Prefix) {
	for _, end := range []netip.Addr{f.Orig.Src, f.Orig.Dst, f.Reply.Src, f.Reply.Dst} {
		for _, bits := range []int{0, 1, 8, 9, 24, 31, 32, 33, 64, 65, 96, 127, 128} {
			if n, err := end.Prefix(bits); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}

func selections() (all []conntrack.Selection) {
	for _, f := range flows() {
		for _, n := range networksOf(f) {
			all = append(all, conntrack.Selection{Excluded: []netip.Prefix{n}})
		}
	}
	var many []netip.Prefix
	for i := range 65 { // one more than take effect
		many = append(many, netip.MustParsePrefix(fmt.Sprintf("2001:db8:ffff:ffff::%x/127", 2*i)))
	}
	somewhere := netip.MustParsePrefix("198.18.0.0/15")
	return append(all,
		conntrack.Selection{},
		conntrack.Selection{Protocols: []uint8{conntrack.ProtocolTCP}},
		conntrack.Selection{Protocols: []uint8{conntrack.ProtocolUDP, conntrack.ProtocolTCP}},
		conntrack.Selection{Protocols: []uint8{conntrack.ProtocolUDP}, Excluded: networksOf(flows()["TCP"])[8:16]},
		conntrack.Selection{Protocols: []uint8{0}, Excluded: []netip.Prefix{somewhere}},
		conntrack.Selection{Excluded: many},
		conntrack.Selection{Excluded: append(many[:63:63], netip.MustParsePrefix("192.168.0.0/16"))},
	)
}

func TestListenerReceivesSelectedEvents(t *testing.T) {
	namespace, table := open(t)
	selectedEvents, droppedEvents := 0, 0
	for _, selection := range selections() {
		listener := listen(t, namespace, selection)
		want := map[conntrack.Tuple]int{}
		for name, flow := range flows() {
			for _, operation := range []conntrack.Operation{conntrack.Create, conntrack.Delete} {
				if err := one(t, table, operation, flow).Err; err != nil {
					t.Fatalf("Changing %s: %v", name, err)
				}
			}
			if selected(selection, flow) {
				want[flow.Orig] = 2
				selectedEvents++
			} else {
				droppedEvents++
			}
		}
		listener.Wake()
		for _, e := range receive(t, listener) {
			want[e.Flow.Orig]--
		}
		for tuple, missing := range want {
			if missing != 0 {
				t.Errorf("with %v, of the changes of %v %d are missing", selection, tuple, missing)
			}
		}
		if err := listener.Close(); err != nil {
			t.Errorf("Closing: %v", err)
		}
	}
	if selectedEvents < 100 || droppedEvents < 100 {
		t.Errorf("%d selected, %d dropped, want at least 100 of each", selectedEvents, droppedEvents)
	}
}
