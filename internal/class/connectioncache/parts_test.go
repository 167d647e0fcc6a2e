package connectioncache

import (
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/class/connectioncache/options"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
	"github.com/hapair-io/hapair/internal/state"
)

// The connections of a class are left out unless it is replicated. The class IPHelper never is.
func TestPartsOfClassesThatAreNotReplicated(t *testing.T) {
	for _, c := range []struct {
		helper         string
		label          contract.Label
		byDefault, all bool
	}{
		{"", 0, false, false},
		{"ftp", 0, false, false},
		{"", contract.LabelFTP, false, false},
		{"", contract.LabelRTSP, false, false},
		{"sip", 0, true, false},
		{"Q.931", 0, true, false},
		{"H.245", 0, true, false},
		{"RAS", 0, true, false},
		{"", contract.LabelVoIP, true, false},
		{"netbios-ns", 0, true, true},
		{"", contract.LabelIPHelper, true, true},
	} {
		f := example()
		if c.helper != "" {
			f.Helper, f.Fields = c.helper, f.Fields|conntrack.FieldHelper
		}
		if c.label != 0 {
			f.Labels, f.Fields = c.label.Bits(), f.Fields|conntrack.FieldLabels
			f.Labels[0] |= 1 // A ruleset may have labels of its own.
		}
		byDefault, all := partsWithout([]state.Class{state.RTSP}), partsWithout([]state.Class{state.RTSP, state.VoIP})
		if byDefault.have(&f) != c.byDefault || all.have(&f) != c.all {
			t.Errorf("helper %q, label %d is left out: by default %t, want %t; with every class %t, want %t",
				c.helper, c.label, byDefault.have(&f), c.byDefault, all.have(&f), c.all)
		}
	}
}

// A policy can skip RTSP, which is replicated otherwise.
func TestMediaOfRTSPCanBeLeftOut(t *testing.T) {
	f := example()
	f.Labels, f.Fields = contract.LabelRTSP.Bits(), f.Fields|conntrack.FieldLabels
	if skipped := partsWithout([]state.Class{state.VoIP}); !skipped.have(&f) {
		t.Error("media of RTSP are not left out")
	}
}

// What a relay or a client of a WAN link on the unit exchanges belongs to its process. The same between hosts is
// forwarded.
func TestConnectionsOfProcessesAreLeftOut(t *testing.T) {
	virtual := []netip.Addr{netip.MustParseAddr("192.168.50.1"), netip.MustParseAddr("203.0.113.1")}
	filter := newFilter(options.Options{}, ownAddresses(virtual, nil))
	for name, c := range map[string]struct {
		src, dst, dnat   string
		srcPort, dstPort uint16
		protocol         uint8
		want             bool
	}{
		"a relay to a DHCP server":           {"192.168.50.1", "203.0.113.9", "", 67, 67, 17, false},
		"a DHCP server to a relay":           {"203.0.113.9", "192.168.50.1", "", 67, 67, 17, false},
		"a name service asked on the unit":   {"192.168.50.10", "192.168.50.1", "", 137, 137, 17, false},
		"a client that renews, forwarded":    {"192.168.50.10", "203.0.113.9", "", 68, 67, 17, true},
		"translated to a server inside":      {"203.0.113.9", "203.0.113.1", "192.168.50.10", 68, 67, 17, true},
		"another service of the unit":        {"192.168.50.10", "192.168.50.1", "", 40000, 53, 17, true},
		"TCP to the port on the unit":        {"192.168.50.10", "192.168.50.1", "", 40000, 137, 6, true},
		"a host to a name service elsewhere": {"192.168.50.10", "203.0.113.9", "", 137, 137, 17, true},

		"a client of L2TP":                 {"203.0.113.1", "203.0.113.9", "", 1701, 1701, 17, false},
		"a client of L2TP at any port":     {"203.0.113.1", "203.0.113.9", "", 40000, 1701, 17, false},
		"a server of L2TP that begins":     {"203.0.113.9", "203.0.113.1", "", 1701, 40000, 17, false},
		"a client of PPTP":                 {"203.0.113.1", "203.0.113.9", "", 40000, 1723, 6, false},
		"what it sends by GRE":             {"203.0.113.1", "203.0.113.9", "", 1, 2, 47, false},
		"what its server sends by GRE":     {"203.0.113.9", "203.0.113.1", "", 2, 1, 47, false},
		"a forwarded client of L2TP":       {"192.168.50.10", "203.0.113.9", "", 1701, 1701, 17, true},
		"a forwarded client of PPTP":       {"192.168.50.10", "203.0.113.9", "", 40000, 1723, 6, true},
		"GRE of a forwarded client":        {"192.168.50.10", "203.0.113.9", "", 1, 2, 47, true},
		"GRE to a server inside":           {"203.0.113.9", "203.0.113.1", "192.168.50.10", 2, 1, 47, true},
		"TCP to the port of L2TP":          {"203.0.113.1", "203.0.113.9", "", 40000, 1701, 6, true},
		"UDP to the port of PPTP":          {"203.0.113.1", "203.0.113.9", "", 40000, 1723, 17, true},
		"another connection of the unit":   {"203.0.113.1", "203.0.113.9", "", 40000, 443, 6, true},
		"ESP of the unit, not of a client": {"203.0.113.1", "203.0.113.9", "", 0, 0, 50, true},
	} {
		f := conntrack.Flow{Orig: conntrack.Tuple{
			Protocol: c.protocol, Src: netip.MustParseAddr(c.src), Dst: netip.MustParseAddr(c.dst),
			SrcPort: c.srcPort, DstPort: c.dstPort,
		}}
		f.Reply = f.Orig.Inverse()
		if c.dnat != "" {
			f.Reply.Src = netip.MustParseAddr(c.dnat)
		}
		if got := filter.takes(&f); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}
