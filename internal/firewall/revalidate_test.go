package firewall

import (
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

func TestExpectedConnectionsEndWithTheirMaster(t *testing.T) {
	tuple := func(port uint16) conntrack.Tuple {
		return conntrack.Tuple{
			Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("192.0.2.2"), Protocol: 6, DstPort: port,
		}
	}
	control, other := conntrack.Flow{Orig: tuple(21)}, tuple(2121)
	data := []conntrack.Flow{{Orig: tuple(4000), Master: control.Orig}, {Orig: tuple(4001), Master: other}}
	found := expectedBy([]conntrack.Flow{control}, data)
	if len(found) != 1 || found[0].Orig != data[0].Orig {
		t.Errorf("found %v", found)
	}
}
