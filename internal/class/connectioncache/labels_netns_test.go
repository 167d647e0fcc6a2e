//go:build netns

package connectioncache

import (
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// A standby receives connections before its firewall has rules, and a kernel without rules for labels keeps none.
func TestLabelsAreKeptBeforeTheFirewallHasRules(t *testing.T) {
	u := newUnit(t, "standby")
	from, to := netip.MustParseAddrPort("203.0.113.9:6500"), netip.MustParseAddrPort("192.168.50.10:7000")
	media := conntrack.Flow{
		Orig: conntrack.Tuple{
			Src: from.Addr(), Dst: to.Addr(), Protocol: conntrack.ProtocolUDP, SrcPort: from.Port(), DstPort: to.Port(),
		},
		Fields: conntrack.FieldTimeout | conntrack.FieldStatus | conntrack.FieldLabels,
		Status: conntrack.StatusConfirmed, TimeoutSeconds: 30, Labels: contract.LabelAnnounced.Bits(),
	}
	media.Reply = conntrack.Tuple{
		Src: media.Orig.Dst, Dst: media.Orig.Src, Protocol: media.Orig.Protocol,
		SrcPort: media.Orig.DstPort, DstPort: media.Orig.SrcPort,
	}
	if outcome := u.apply(state.Upsert, media); outcome.Err != nil {
		t.Fatal(outcome.Err)
	}
	if got := u.ask(conntrack.Get, media); got.Labels != media.Labels {
		t.Errorf("the labels are %x, want %x", got.Labels, media.Labels)
	}
}
