package conntrack

import (
	"net/netip"
	"testing"
)

func TestExpectedByFindsTheConnectionsOfAMaster(t *testing.T) {
	tuple := func(port uint16) Tuple {
		return Tuple{Src: netip.MustParseAddr("192.0.2.1"), Dst: netip.MustParseAddr("192.0.2.2"), Protocol: 6, DstPort: port}
	}
	control := Flow{Orig: tuple(21)}
	flows := []Flow{
		control,
		{Fields: FieldMaster, Orig: tuple(4000), Master: control.Orig},
		{Fields: FieldMaster, Orig: tuple(4001), Master: tuple(2121)},
	}
	found := ExpectedBy([]Flow{control}, flows)
	if len(found) != 1 || found[0].Orig != flows[1].Orig {
		t.Errorf("found %v", found)
	}
}
