package neighbours

import (
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

func TestOnlyAnswersOfOthersAloneContradict(t *testing.T) {
	right, other := rtnetlink.MAC{2, 1}, rtnetlink.MAC{2, 2}
	for name, c := range map[string]struct {
		answers []rtnetlink.MAC
		isWrong bool
	}{
		"no answer":    {nil, false},
		"right":        {[]rtnetlink.MAC{right}, false},
		"right forged": {[]rtnetlink.MAC{other, right}, false},
		"other":        {[]rtnetlink.MAC{other}, true},
	} {
		if got, isWrong := contradiction(right, c.answers); isWrong != c.isWrong || isWrong && got != other {
			t.Errorf("%s: %s, %t", name, got, isWrong)
		}
	}
}

func TestEntriesOfTheDocumentAndLearnedOnesAreLeftOut(t *testing.T) {
	static := rtnetlink.Neighbour{
		Interface: 1, Address: netip.MustParseAddr("192.0.2.9"), MAC: rtnetlink.MAC{2}, State: rtnetlink.Permanent,
	}
	ofDocument, learned, group := static, static, static
	ofDocument.Protocol = contract.RoutingProtocol
	learned.State = rtnetlink.Reachable
	group.Address = netip.MustParseAddr("224.0.0.1")
	if !isStatic(static) || isStatic(ofDocument) || isStatic(learned) || isStatic(group) {
		t.Error("wrong entries are checked")
	}
}

// Each round asks for a part of many entries, and a few rounds ask for all.
func TestManyEntriesAreAskedForInTurns(t *testing.T) {
	c := New(Options{})
	var entries []rtnetlink.Neighbour
	for i := range byte(100) {
		entries = append(entries, rtnetlink.Neighbour{Address: netip.AddrFrom4([4]byte{192, 0, 2, i})})
	}
	asked := map[netip.Addr]bool{}
	for range 4 {
		part := c.part("lan", entries)
		if len(part) > maxAsked {
			t.Fatalf("%d at once", len(part))
		}
		for _, n := range part {
			asked[n.Address] = true
		}
	}
	if len(asked) != len(entries) {
		t.Errorf("%d of %d were asked for", len(asked), len(entries))
	}
}
