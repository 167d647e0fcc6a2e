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
	media := announcedFlow()
	if outcome := u.apply(state.Upsert, media); outcome.Err != nil {
		t.Fatal(outcome.Err)
	}
	if got := u.ask(conntrack.Get, media); got.Labels != media.Labels {
		t.Errorf("the labels are %x, want %x", got.Labels, media.Labels)
	}
}

// announcedFlow returns a connection without answers that a gateway of the firewall announced.
func announcedFlow() conntrack.Flow {
	from, to := netip.MustParseAddrPort("203.0.113.9:6500"), netip.MustParseAddrPort("192.168.50.10:7000")
	media := conntrack.Flow{
		Orig: conntrack.Tuple{
			Src: from.Addr(), Dst: to.Addr(), Protocol: conntrack.ProtocolUDP, SrcPort: from.Port(), DstPort: to.Port(),
		},
		Fields: conntrack.FieldTimeout | conntrack.FieldStatus | conntrack.FieldLabels,
		Status: conntrack.StatusConfirmed, TimeoutSeconds: 30, Labels: contract.LabelAnnounced.Bits(),
	}
	media.Reply = media.Orig.Inverse()
	return media
}

// A connection outlives the entry of the one that announced it. A standby that starts then has it with its label: the
// firewall finds by it that a helper announced the connection.
func TestConnectionIsKeptWithoutTheOneThatExpectedIt(t *testing.T) {
	u := newUnit(t, "standby")
	media := announced(announcedFlow(), datagrams(2121), contract.LabelFTP)
	if outcome := u.apply(state.Upsert, media); outcome.Err != nil {
		t.Fatal(outcome.Err)
	}
	got := u.ask(conntrack.Get, media)
	if got.Labels != media.Labels || got.Fields.Has(conntrack.FieldMaster) {
		t.Errorf("the standby has %+v", got)
	}
}
